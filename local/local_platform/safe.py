"""The safe of one run: passwords and keys made once, at random, and kept beside the data they
open, so that a second start finds yesterday's orders."""

import base64
import json
import os
import secrets
import threading
from pathlib import Path


class Safe:
    """Named secrets in one file that only its owner may read (mode 0600)."""

    def __init__(self, file: Path) -> None:
        """Open the safe at `file`; an absent file is an empty safe."""
        self._file = file
        self._lock = threading.Lock()
        self._kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def password(self, name: str) -> str:
        """Return the password `name`: 24 random bytes in letters that need no quoting in a URL."""
        return self._keep(name, secrets.token_hex(24))

    def key(self, name: str) -> str:
        """Return the key `name`: 32 random bytes as base64url."""
        return self._keep(name, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def label(self, name: str) -> str:
        """Return the short random name `name`, 8 hexadecimal digits."""
        return self._keep(name, secrets.token_hex(4))

    def _keep(self, name: str, fresh: str) -> str:
        with self._lock:
            if name not in self._kept:
                self._kept[name] = fresh
                self._write()
            return self._kept[name]

    def _write(self) -> None:
        # Written beside and renamed: a full disk or a power cut leaves the old safe whole.
        beside = self._file.with_suffix(".new")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self._kept, file, indent=2, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self._file)
