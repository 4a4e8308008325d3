"""The parts the chain stands on: database, broker, object store. Each is the real one, started
here or, when the environment names one, used where it already runs."""

from typing import Protocol


class Part(Protocol):
    """What the platform asks of a part, wherever it runs."""

    name: str
    listeners: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address of the part with its credentials, for those who use it."""
        ...

    def start(self) -> None:
        """Start the part; it may take a while until it is ready."""
        ...

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the part can be used; raise NotReady after `timeout_seconds`."""
        ...

    def stop(self) -> None:
        """Stop the part; its data stays."""
        ...
