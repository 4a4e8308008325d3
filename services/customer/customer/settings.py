"""What customer's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """The shared settings; customer has none of its own."""

    model_config = own("customer")
    service: ClassVar[str] = "customer"
