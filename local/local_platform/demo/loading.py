"""What is known of the sample chain, kept beside its data: a load that is interrupted goes on
where it ended, and a second start finds everybody's login."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from local_platform.demo.desk import Desk, Json

_WHOLE, _BEGUN = "sample-chain.json", "sample-chain.begun.json"


def _today() -> str:
    return date.today().isoformat()  # noqa: DTZ011  # the sample chain lives on this machine's date


@dataclass
class SampleChain:
    """What was loaded: ids by their plain names, and the logins. `answers` is what was made so far
    while it is being loaded, and `label` makes the keys under which it was asked for."""

    branches: dict[str, str] = field(default_factory=dict)
    frame_id: str = ""
    lens_id: str = ""
    terms_id: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    label: str = field(default_factory=lambda: str(uuid4()))
    begun_on: str = field(default_factory=_today)
    answers: dict[str, Json] = field(default_factory=dict)

    def keep(self, var: Path) -> None:
        """Write it beside the data, with the logins for the console, readable by the owner only."""
        _write(var / _WHOLE, asdict(replace(self, answers={})))
        logins = [
            {
                "name": login,
                "role": self.roles[login],
                "branch": self.places[login],
                "password": password,
            }
            for login, password in self.passwords.items()
        ]
        _write(var / "logins.json", logins)
        (var / _BEGUN).unlink(missing_ok=True)

    def keep_begun(self, var: Path) -> None:
        """Write down how far the load has come."""
        _write(var / _BEGUN, asdict(self))

    @classmethod
    def kept(cls, var: Path) -> SampleChain | None:
        """Return what was loaded before, or None."""
        return cls._read(var / _WHOLE)

    @classmethod
    def begun(cls, var: Path) -> SampleChain:
        """Return how far a load came that was interrupted; a new one when there was none."""
        return cls._read(var / _BEGUN) or cls()

    @classmethod
    def _read(cls, path: Path) -> SampleChain | None:
        return cls(**json.loads(path.read_text())) if path.exists() else None


def _write(path: Path, content: object) -> None:
    # Written beside and renamed: an interruption or a full disk leaves the old file whole.
    beside = path.with_suffix(".new")
    beside.touch(mode=0o600)
    beside.write_text(json.dumps(content, ensure_ascii=False, indent=1))
    beside.rename(path)


@dataclass(frozen=True)
class Loading:
    """A load under way: each thing is made once, whatever interrupts it."""

    chain: SampleChain
    keep: Callable[[], None]

    def make(self, name: str, desk: Desk, operation: str, /, **fields: object) -> Json:
        """Have `operation` done, unless it was, and return its answer. Raises ApiRefused."""
        chain = self.chain
        if name not in chain.answers:
            key = str(uuid5(UUID(chain.label), name))
            chain.answers[name] = desk.once(key, operation, **fields)
            self.keep()
        return chain.answers[name]

    def password(self, login: str) -> str:
        """Return the password of a login, kept before anybody is told."""
        if login not in self.chain.passwords:
            self.chain.passwords[login] = secrets.token_urlsafe(12)
            self.keep()
        return self.chain.passwords[login]

    def first_password(self, login: str) -> str:
        """Return the password by which a login is first used, and never again."""
        return str(uuid5(UUID(self.chain.label), f"first password of {login}"))
