"""A part that runs elsewhere already, named by a variable in the environment: it is used, never
started, never stopped."""

import time
from urllib.parse import urlsplit

from local_platform.errors import NotReady, PlatformError
from local_platform.probes import accepts

_PATIENCE_SECONDS = 10.0


class Elsewhere:
    """A database, broker or object store somebody else looks after."""

    listeners: tuple[str, ...] = ()

    def __init__(self, name: str, variable: str, url: str, usual_port: int) -> None:
        """Use the part `name` at `url`, the value of `variable`; without a port in it, at
        `usual_port`. Raises PlatformError when the value is no URL with a host."""
        self.name = name
        self.url = url
        self._variable = variable
        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname, parts.port or usual_port
        except ValueError:
            self._host = None
        if self._host is None:
            # The value is not repeated: it carries a password.
            raise PlatformError(f"{variable}: must be a URL with a host")

    def start(self) -> None:
        """Do nothing: it runs already."""

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the part accepts connections; raise NotReady after `timeout_seconds`, but
        10 seconds at most: nobody is starting it."""
        assert self._host is not None
        deadline = time.monotonic() + min(timeout_seconds, _PATIENCE_SECONDS)
        while not accepts(self._host, self._port):
            if time.monotonic() >= deadline:
                raise NotReady(f"{self._variable}: nothing answers at {self._host}:{self._port}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Refuse: it is not ours to stop."""
        raise PlatformError(
            f"{self.name} runs elsewhere ({self._variable}) and is not ours to stop"
        )
