"""The three parts as one: started side by side, because the broker alone takes as long as all
the rest."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from local_platform.errors import PlatformError
from local_platform.parts import Part
from local_platform.parts.elsewhere import Elsewhere
from local_platform.parts.object_store import make_bucket

_Made = TypeVar("_Made")
_PART_SECONDS = 90.0
"""How long a part may take until it is ready; far more than on a slow laptop."""


class Parts:
    """`postgres`, `rabbitmq` and `object_store`, here or elsewhere."""

    def __init__(self, parts: Mapping[str, Part], report: Callable[[str], None]) -> None:
        """Look after `parts`; tell `report` how long each took."""
        self._parts, self._report = parts, report

    def __getitem__(self, name: str) -> Part:
        """Return the part `name`; PlatformError when there is none."""
        if name not in self._parts:
            raise PlatformError(f"no part is called {name}: there are {', '.join(self._parts)}")
        return self._parts[name]

    @property
    def listeners(self) -> list[str]:
        """The ports the parts started here listen on."""
        return [listener for part in self._parts.values() for listener in part.listeners]

    @property
    def given(self) -> list[str]:
        """The names of the parts that run elsewhere."""
        return [name for name, part in self._parts.items() if isinstance(part, Elsewhere)]

    def start(self, make_databases: Callable[[str], _Made], give_up: Callable[[], None]) -> _Made:
        """Start all parts; return what `make_databases` makes of the administrator's URL, which
        it does while the broker still boots.

        On any failure `give_up` is called, which must end the waiting for the others.
        """
        hands = ThreadPoolExecutor(len(self._parts))
        try:
            made = hands.submit(lambda: make_databases(self._start_one("postgres").url))
            broker = hands.submit(self._start_one, "rabbitmq")
            store = hands.submit(lambda: make_bucket(self._start_one("object_store").url))
            for done in as_completed((made, broker, store)):
                done.result()
            return made.result()
        except BaseException:
            give_up()
            raise
        finally:
            hands.shutdown()

    def restart(self, name: str) -> None:
        """Start the stopped part `name` again and wait until it is ready."""
        self._start_one(name)

    def stop(self) -> None:
        """Stop the parts started here, side by side; leave the others as they were found."""
        with ThreadPoolExecutor(len(self._parts)) as hands:
            list(hands.map(self._end, self._parts.values()))

    def _end(self, part: Part) -> None:
        if not isinstance(part, Elsewhere):
            part.stop()
            return
        try:
            part.leave()
        except PlatformError as error:
            self._report(f"left behind: {error}")

    def _start_one(self, name: str) -> Part:
        part, began = self[name], time.monotonic()
        part.start()
        part.wait_ready(_PART_SECONDS)
        self._report(f"{name} is ready ({time.monotonic() - began:.1f} s)")
        return part
