"""What labjob's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """Shared settings; labjob adds none of its own."""

    model_config = own("labjob")
    service: ClassVar[str] = "labjob"
