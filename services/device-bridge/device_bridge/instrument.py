"""An instrument: which model stands at which station of a branch, and on which line it prints."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chassis.errors import AlreadyThere, invalid
from chassis.records.kinds import Kind, Transitions, moves
from device_bridge.profiles import LineSettings

DEVICE_PATH = re.compile(r"/dev/[A-Za-z0-9_.:+-]+(/[A-Za-z0-9_.:+-]+)*")
NETWORK_LINE = re.compile(r"(socket|rfc2217)://[A-Za-z0-9.-]+:[0-9]{1,5}")


class SerialTaken(AlreadyThere):
    """This model with this serial number is registered already."""

    reason = "SERIAL_TAKEN"


class PortTaken(AlreadyThere):
    """Another instrument in service at the branch is read on this line."""

    reason = "PORT_TAKEN"


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """Model, serial number, station, line with its settings (None: those of the factory) and the
    IANA zone of its clock. Raises Invalid for a line that is neither a device path nor a socket://
    or rfc2217:// address."""

    model: str
    serial_number: str
    station_code: str
    port_url: str
    time_zone: str
    line_settings: LineSettings | None = None

    def __post_init__(self) -> None:
        # pyserial knows URLs that write files (spy://) or search for hardware: none of those.
        path = DEVICE_PATH.fullmatch(self.port_url) and "/.." not in self.port_url
        if not path and not NETWORK_LINE.fullmatch(self.port_url):
            text = "must be a device path, socket://host:port or rfc2217://host:port"
            raise invalid("port_url", "line", text)


INSTRUMENT = Kind(
    "device_bridge.instrument",
    "ins",
    Instrument,
    Transitions(
        "in_service",
        moves(
            take_out={"in_service": "out_of_service"},
            put_back={"out_of_service": "in_service"},
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class InstrumentPutInService:
    """An instrument was registered or came back: its line is read from now on."""

    instrument_id: str
    model: str
    branch_id: str
    station_code: str


@dataclass(frozen=True, kw_only=True)
class InstrumentTakenOutOfService:
    """An instrument may not be used for now."""

    instrument_id: str
    branch_id: str
    station_code: str
