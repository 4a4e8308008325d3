"""What clinical's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """The shared settings; clinical has none of its own."""

    model_config = own("clinical")
    service: ClassVar[str] = "clinical"
