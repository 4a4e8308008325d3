"""What the gateway is told by its environment: where it listens, where it is reached, its limits.

It acts with the token of the person who calls, never with one of its own. Its one secret is the
broker's address, where it listens for changes of worklists and says nothing.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from chassis.settings import ProcessSettings, own


class Settings(ProcessSettings):
    """Where the services are (shared by all processes), and the limits of the door."""

    model_config = own("gateway")
    service: ClassVar[str] = "gateway"

    listen: str = "0.0.0.0:8080"
    amqp_url: SecretStr = Field(alias="OPTICHAIN_AMQP_URL")
    url: str = Field(
        default="http://127.0.0.1:8080",
        description="How browsers reach the gateway; with https its cookies are Secure",
    )
    body_limit_bytes: int = Field(default=1_048_576, ge=1_024)
    body_seconds: float = Field(default=10.0, gt=0)
    request_seconds: float = Field(default=20.0, gt=0)
    call_seconds: float = Field(default=10.0, gt=0)
    composed_call_seconds: float = Field(
        default=4.0, gt=0, description="How long a composed answer waits for one service"
    )
    sign_in_failures: int = Field(
        default=60, ge=1, description="Failures to sign in that one address may have used up"
    )
    sign_in_failures_seconds: float = Field(
        default=900.0, gt=0, description="How long it takes until all of them have come back"
    )
    proxies: int = Field(
        default=0,
        ge=0,
        description="Proxies of our own in front, whose X-Forwarded-For is believed",
    )
    stop_seconds: int = Field(default=10, ge=1)

    @property
    def is_https(self) -> bool:
        """Tell whether browsers come over TLS."""
        return self.url.startswith("https://")
