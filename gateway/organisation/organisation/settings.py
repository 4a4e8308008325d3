"""What organisation's processes are told by their environment."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """Shared settings, the services' secrets, and a new chain's first administrator."""

    model_config = own("organisation")
    service: ClassVar[str] = "organisation"

    service_secrets: dict[str, SecretStr] = Field(default_factory=dict)
    first_login: str = ""
    first_password: SecretStr = SecretStr("")
