"""What billing's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """The shared settings; billing needs nothing of its own: its numbers are rule data."""

    model_config = own("billing")
    service: ClassVar[str] = "billing"
