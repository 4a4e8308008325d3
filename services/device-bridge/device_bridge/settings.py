"""What the bridge's processes are told by their environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import field_validator
from pydantic_settings import NoDecode

from chassis.settings import ServiceSettings, own


class Settings(ServiceSettings):
    """Shared settings, where prints wait on the disk, and whose lines this bridge reads.

    `spool_dir`: by default beside the telemetry folder, else `var/spool`. `branches`: branch ids
    with commas between; empty means every branch.
    """

    model_config = own("device_bridge")
    service: ClassVar[str] = "device_bridge"

    spool_dir: str = ""
    branches: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("branches", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        return tuple(one.strip() for one in given.split(",") if one.strip())

    @property
    def spool_folder(self) -> Path:
        """The folder where prints wait."""
        if self.spool_dir:
            return Path(self.spool_dir)
        return (Path(self.telemetry_dir).parent if self.telemetry_dir else Path("var")) / "spool"
