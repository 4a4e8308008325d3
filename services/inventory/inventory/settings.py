"""What inventory's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """Inventory is told nothing that other services are not."""

    model_config = own("inventory")
    service: ClassVar[str] = "inventory"
