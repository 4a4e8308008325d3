"""Where the journey happens: everybody's desk, the instruments, and what is known of the glasses so
far."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from PIL import Image, ImageDraw

from local_platform.demo.desk import ApiRefused, Click, Desk, Json, Operation
from local_platform.demo.loading import SampleChain
from local_platform.errors import PlatformError
from local_platform.instruments import Instrument

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0
_NOISE, _PRINTED, _BAUD = b"\x00\xff#?", 2, 9600


class DemoFailed(Exception):
    """The journey did not go as it should."""


FAILURES = (
    ApiRefused,
    DemoFailed,
    PlatformError,
    httpx.HTTPError,
    OSError,
    LookupError,
    ValueError,
)
"""What can end a journey: a refusal, an answer that lacks what the contract promises, an address
that does not answer, a disk that is full."""


def why(error: BaseException) -> str:
    """Return why a journey ended, in one line."""
    if isinstance(error, LookupError):
        return f"an answer or an address is missing: {error}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@dataclass
class StepTold:
    """One step as the summary tells it."""

    n: int | str
    role: str
    what: str
    trace_id: str
    ms: float


@dataclass
class StaleAttempt:
    """One forbidden thing that was tried."""

    gate: str
    refused: bool
    reason: str
    stale: list[Json]


@dataclass
class Glasses:
    """What is known of the pair so far."""

    customer_id: str = ""
    case_id: str = ""
    visit_id: str = ""
    reading_ids: list[str] = field(default_factory=list)
    refraction_id: str = ""
    prescription: Json = field(default_factory=dict)
    frame_selection_id: str = ""
    piece_id: str = ""
    set_aside_id: str = ""
    lens_specification_id: str = ""
    reservation_ids: list[str] = field(default_factory=list)
    measurement_id: str = ""
    order_id: str = ""
    total_minor: int = 0
    job_id: str = ""
    slip_number: str = ""


class Shop:
    """The sample chain at work on one pair of glasses."""

    def __init__(
        self,
        base_url: str,
        operations: Mapping[str, Operation],
        chain: SampleChain,
        say: Callable[[str], None],
        make_desk: Callable[..., Desk] = Desk,
    ) -> None:
        self.chain = chain
        self.glasses = Glasses()
        self.steps: list[StepTold] = []
        self.stale_attempts: list[StaleAttempt] = []
        self.entries = 0
        self.trace_ids: list[str] = []
        self.instruments: dict[str, Instrument] = {}
        self.say = say
        self._desks = {
            login: make_desk(
                base_url, operations, login, password, chain.roles[login], self._clicked
            )
            for login, password in chain.passwords.items()
        }
        self._clicks: list[Click] = []

    def desk(self, login: str) -> Desk:
        """Return somebody's place of work, by login."""
        return self._desks[login]

    @contextmanager
    def step(self, n: int | str, role: str, what: str) -> Any:
        """Take one step of the journey: its clicks become one line of the summary."""
        self._clicks.clear()
        began = time.perf_counter()
        yield
        ms = round((time.perf_counter() - began) * 1000, 1)
        writing = [click for click in self._clicks if click.is_entry] or self._clicks
        told = StepTold(n, role, what, writing[-1].trace_id if writing else "", ms)
        self.steps.append(told)
        self.say(f"{n:>3}  {role:<17} {what}  ({ms:.0f} ms)")

    def _clicked(self, click: Click) -> None:
        self._clicks.append(click)
        self.trace_ids.append(click.trace_id)
        self.entries += click.is_entry

    def forbidden(self, gate: str, attempt: Callable[[], object]) -> None:
        """Try something that must be refused as stale. Raises DemoFailed when it is not."""
        try:
            attempt()
        except ApiRefused as refused:
            stale = list(refused.problem.get("stale", ()))
            held = refused.reason == "PIN_STALE"
            self.stale_attempts.append(StaleAttempt(gate, held, refused.reason, stale))
            if not held:
                raise DemoFailed(f"{gate} was refused for another reason: {refused}") from refused
            self.say(f"     refused at {gate}: {refused.problem.get('detail', '')}")
            return
        self.stale_attempts.append(StaleAttempt(gate, False, "", []))
        raise DemoFailed(f"{gate} went on from an old assumption")

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Wait until something is seen that another process does. Raises DemoFailed."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends:
            seen = look()
            if seen:
                return seen
            time.sleep(0.1)
        raise DemoFailed(f"still not so after {_PATIENCE_SECONDS:.0f} s: {what}")

    def prints(self, instrument: str, sent: bytes) -> None:
        """Let an instrument print as instruments do: noise first, twice, in pieces, at its pace."""
        self.instruments[instrument].send(sent, noise=_NOISE, times=_PRINTED, baud=_BAUD)

    def close(self) -> None:
        """Everybody goes home."""
        for desk in self._desks.values():
            desk.close()


def picture(label: str) -> bytes:
    """Return a small PNG that stands for a photo or a signature."""
    image = Image.new("RGB", (320, 160), "white")
    drawing = ImageDraw.Draw(image)
    drawing.line([(20, 120), (90, 40), (150, 120), (220, 50), (300, 110)], fill="navy", width=4)
    drawing.text((20, 10), label, fill="black")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def measured(amount: int) -> Json:
    """Return a value as it was measured."""
    return {"state": "measured", "amount": amount}
