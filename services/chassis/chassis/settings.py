"""What a process is told by its environment: read once at start, frozen, complete or no start.

A service's settings are these fields with its own name in front: LABJOB_DATABASE_URL,
LABJOB_LISTEN ...; what all share begins with OPTICHAIN_.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import ClassVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.errors import SettingMissing


class ProcessSettings(BaseSettings):
    """What every process of the platform is told: how it is watched, and where the services are.
    All that the gateway may know."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    telemetry_dir: str = Field(default="", alias="OPTICHAIN_TELEMETRY_DIR")
    otlp_endpoint: str = Field(default="", alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    log_level: str = Field(default="INFO", alias="OPTICHAIN_LOG_LEVEL")

    organisation_address: str = Field(default="organisation:7100", alias="ORGANISATION_ADDRESS")
    customer_address: str = Field(default="customer:7100", alias="CUSTOMER_ADDRESS")
    inventory_address: str = Field(default="inventory:7100", alias="INVENTORY_ADDRESS")
    clinical_address: str = Field(default="clinical:7100", alias="CLINICAL_ADDRESS")
    billing_address: str = Field(default="billing:7100", alias="BILLING_ADDRESS")
    labjob_address: str = Field(default="labjob:7100", alias="LABJOB_ADDRESS")
    device_bridge_address: str = Field(default="device-bridge:7100", alias="DEVICE_BRIDGE_ADDRESS")

    def address_of(self, service: str) -> str:
        """Return host:port of a service's gRPC door."""
        return str(getattr(self, f"{service}_address"))

    def knows(self, service: str) -> bool:
        """Tell whether there is such a service."""
        return hasattr(self, f"{service}_address")


class SharedSettings(ProcessSettings):
    """What every process of a service is told besides: broker, object store and data key."""

    amqp_url: SecretStr = Field(alias="OPTICHAIN_AMQP_URL")
    s3_url: SecretStr = Field(alias="OPTICHAIN_S3_URL")
    data_key: SecretStr = Field(alias="OPTICHAIN_DATA_KEY")
    longest_pause_seconds: float = Field(
        default=30.0, gt=0, le=600, alias="OPTICHAIN_LONGEST_PAUSE_SECONDS"
    )
    """Upper end of the growing pauses after which a failed message is delivered again."""
    upload_limit_bytes: int = Field(
        default=256 * 1024 * 1024, ge=1, alias="OPTICHAIN_UPLOAD_LIMIT_BYTES"
    )
    """Largest upload that is kept as evidence; a chain's old customers as one CSV must fit."""


class ServiceSettings(SharedSettings):
    """What one service is told besides. Subclasses name the service and add their own fields."""

    service: ClassVar[str] = ""

    database_url: SecretStr
    migrate_url: SecretStr = SecretStr("")
    listen: str = "0.0.0.0:7100"
    secret: SecretStr
    threads: int = Field(default=16, ge=1, le=200)


def own(name: str) -> SettingsConfigDict:
    """Return the model configuration of the service with that name."""
    return SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_prefix=f"{name.upper()}_"
    )


@lru_cache
def load(service: str) -> ServiceSettings:
    """Return the settings of a service, or raise SettingMissing naming every variable that is
    missing."""
    module = importlib.import_module(f"{service}.settings")
    try:
        settings: ServiceSettings = module.Settings()
    except ValidationError as error:
        lines = [
            f"{_variable(service, problem['loc'])}: {problem['msg']}" for problem in error.errors()
        ]
        raise SettingMissing("; ".join(lines)) from None
    return settings


def _variable(service: str, location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"{service}_{name}".upper()
