"""Prints on the bridge's own disk, from the moment they are whole until clinical has taken them.

One folder for each instrument, one file for each print, named so that they sort as they came. A
file appears under its name only when its bytes are on the disk.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from device_bridge.framing import Ending, Frame
from device_bridge.grammar import Format

log = structlog.get_logger()

_SUFFIX, _UNFINISHED, _UNREADABLE = ".print", ".unfinished", ".unreadable"


@dataclass(frozen=True, kw_only=True)
class Print:
    """One print with whose it is. `id` becomes the id of its capture; `received_at` is the
    bridge's clock when it was whole."""

    id: str
    instrument_id: str
    model: str
    serial_number: str
    branch_id: str
    station_code: str
    time_zone: str
    received_at: datetime
    frame: Frame

    @property
    def sent(self) -> bytes:
        """Every byte as it came, noise first."""
        return self.frame.noise + self.frame.raw


def packed(one: Print) -> bytes:
    """Return a print as the bytes of its file."""
    rows = asdict(one) | {"received_at": one.received_at.isoformat()}
    rows["frame"] = asdict(one.frame) | {
        "raw": base64.b64encode(one.frame.raw).decode(),
        "noise": base64.b64encode(one.frame.noise).decode(),
    }
    return json.dumps(rows).encode()


def unpacked(stored: bytes) -> Print:
    """Return the print of a file. Raises ValueError, KeyError or TypeError when it is none."""
    rows: dict[str, Any] = json.loads(stored)
    frame: dict[str, Any] = rows["frame"]
    return Print(
        **rows
        | {
            "received_at": datetime.fromisoformat(rows["received_at"]),
            "frame": Frame(
                **frame
                | {
                    "raw": base64.b64decode(frame["raw"]),
                    "noise": base64.b64decode(frame["noise"]),
                    "format": Format(frame["format"]),
                    "ending": Ending(frame["ending"]),
                }
            ),
        }
    )


class Spool:
    """The prints of one instrument that are not delivered yet, oldest first."""

    def __init__(self, root: Path, instrument_id: str) -> None:
        self.folder = root / instrument_id
        self._lock = threading.Lock()
        self._last = 0

    def keep(self, one: Print) -> None:
        """Put a print on the disk; it is there when this returns. Raises OSError."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = f"{self._next():020d}_{one.id}"
            unfinished = self.folder / (name + _UNFINISHED)
            with unfinished.open("wb") as file:
                file.write(packed(one))
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(self.folder / (name + _SUFFIX))
            self._sync()

    def oldest(self) -> tuple[Path, Print | None] | None:
        """Return the file to deliver next and its print, which is None when the file is damaged.
        Raises OSError."""
        paths = self._paths()
        if not paths:
            return None
        try:
            return paths[0], unpacked(paths[0].read_bytes())
        except (ValueError, KeyError, TypeError):
            return paths[0], None

    def set_aside(self, path: Path) -> None:
        """Keep a damaged file in a folder of no instrument under another name. Raises OSError."""
        log.error("print on disk is damaged and nobody's", file=path.name, folder=self.folder.name)
        path.rename(path.with_suffix(_UNREADABLE))
        self._sync()

    def forget(self, path: Path) -> None:
        """Remove a print that was delivered. Raises OSError."""
        path.unlink(missing_ok=True)
        self._sync()

    def __len__(self) -> int:
        return len(self._paths())

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}"))

    def _next(self) -> int:
        """A number above every earlier one, even when the clock was set back."""
        if self._last == 0 and (there := self._paths()):
            self._last = int(there[-1].name.partition("_")[0])
        self._last = max(self._last + 1, time.time_ns())
        return self._last

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
