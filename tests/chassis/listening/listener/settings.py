"""What listener's worker is told by its environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """Nothing of its own."""

    model_config = own("listener")
    service: ClassVar[str] = "listener"
