"""A part that runs elsewhere already, named by a variable in the environment: it is used, never
started, never stopped."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from local_platform.errors import NotReady, PlatformError
from local_platform.parts.rooms import Room
from local_platform.probes import accepts

_PATIENCE_SECONDS = 10.0


class Elsewhere:
    """A database, broker or object store somebody else looks after."""

    listeners: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        variable: str,
        url: str,
        usual_port: int,
        room_at: Callable[[str], Room] | None = None,
    ) -> None:
        """Use the part `name` at `url`, the value of `variable`; without a port in it, at
        `usual_port`. A passing run uses nothing there but the room that `room_at` names. Raises
        PlatformError when the value is no URL with a host."""
        self.name = name
        self._variable = variable
        self._is_room_made = False
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port or usual_port
        except ValueError:
            self._host = None
        if self._host is None:
            # The value is not repeated: it carries a password.
            raise PlatformError(f"{variable}: must be a URL with a host")
        self._room = room_at(url) if room_at else None
        self.url = self._room.url if self._room else url

    def start(self) -> None:
        """Do nothing: it runs already."""

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the part accepts connections and the room stands; raise NotReady after
        `timeout_seconds`, but 10 seconds at most: nobody is starting it."""
        assert self._host is not None
        deadline = time.monotonic() + min(timeout_seconds, _PATIENCE_SECONDS)
        while not accepts(self._host, self._port):
            if time.monotonic() >= deadline:
                raise NotReady(f"{self._variable}: nothing answers at {self._host}:{self._port}")
            time.sleep(0.2)
        if self._room is not None:
            self._is_room_made = True  # half a room is taken away too
            self._room.make()

    def leave(self) -> None:
        """Take the room away again. Raises PlatformError."""
        if self._room is not None and self._is_room_made:
            self._is_room_made = False
            self._room.remove()

    def stop(self) -> None:
        """Refuse: it is not ours to stop."""
        raise PlatformError(
            f"{self.name} runs elsewhere ({self._variable}) and is not ours to stop"
        )
