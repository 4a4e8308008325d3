"""What the bridge does with its instruments: register, correct, take out of service, return."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.book import WrongBranch
from chassis.records.envelope import Record
from device_bridge import store
from device_bridge.instrument import (
    INSTRUMENT,
    Instrument,
    InstrumentPutInService,
    InstrumentTakenOutOfService,
    PortTaken,
    SerialTaken,
)
from device_bridge.profiles import LineSettings, load_profiles


def register_instrument(
    work: UnitOfWork,
    *,
    model: str,
    serial_number: str,
    branch_id: str,
    station_code: str,
    port_url: str,
    in_service: bool,
    time_zone: str,
    line_settings: LineSettings | None = None,
) -> Record[Instrument]:
    """Register an instrument at a branch in that IANA zone, its line set as given or by the
    factory. Raises Invalid (MODEL_UNKNOWN, LINE_SETTINGS_UNKNOWN), SerialTaken, PortTaken,
    WrongBranch."""
    if not work.actor.reaches(branch_id):
        raise WrongBranch("this is another branch's to register", id=branch_id)
    if model not in load_profiles():
        text = "has no profile; docs/instruments.md lists the models that have one"
        raise invalid("model", "model", text, reason="MODEL_UNKNOWN")
    _require_offered(model, line_settings)
    content = Instrument(
        model=model,
        serial_number=serial_number,
        station_code=station_code,
        port_url=port_url,
        time_zone=time_zone,
        line_settings=line_settings,
    )
    store.hold_serial(work.connection, model, serial_number)
    if store.has_serial(work.connection, model, serial_number):
        raise SerialTaken(f"this {model} is registered already")
    if in_service:
        _require_free_line(work, branch_id, port_url)
    state = "in_service" if in_service else "out_of_service"
    instrument = work.records.add(INSTRUMENT, content, state=state, branch_id=branch_id)
    if in_service:
        work.tell(instrument, _put_in_service(instrument))
    return instrument


def amend_instrument(
    work: UnitOfWork,
    *,
    instrument_id: str,
    revision: int,
    station_code: str,
    port_url: str,
    reason: str,
    line_settings: LineSettings | None = None,
) -> Record[Instrument]:
    """Correct where an instrument stands, on which line, or how the line is set. Raises Unknown,
    Outdated, Invalid (LINE_SETTINGS_UNKNOWN), PortTaken, NothingChanged, WrongBranch."""
    instrument = work.records.get(INSTRUMENT, instrument_id, revision=revision)
    _require_offered(instrument.content.model, line_settings)
    if instrument.state == "in_service":
        _require_free_line(work, instrument.branch_id, port_url, apart_from=instrument_id)
    return work.records.amend(
        instrument,
        reason_code="INSTRUMENT_MOVED",
        reason=reason,
        station_code=station_code,
        port_url=port_url,
        line_settings=line_settings or instrument.content.line_settings,
    )


def take_out_of_service(
    work: UnitOfWork, *, instrument_id: str, revision: int, reason: str
) -> Record[Instrument]:
    """Stop the use of an instrument. Raises Unknown, Outdated, MoveForbidden, WrongBranch."""
    instrument = work.records.get(INSTRUMENT, instrument_id, revision=revision)
    taken = work.records.move(instrument, "take_out", reason_code="OUT_OF_SERVICE", reason=reason)
    fact = InstrumentTakenOutOfService(
        instrument_id=taken.id,
        branch_id=taken.branch_id,
        station_code=taken.content.station_code,
    )
    work.tell(taken, fact)
    return taken


def return_to_service(
    work: UnitOfWork, *, instrument_id: str, revision: int, reason: str
) -> Record[Instrument]:
    """Let an instrument be used again. Raises Unknown, Outdated, MoveForbidden, PortTaken,
    WrongBranch."""
    instrument = work.records.get(INSTRUMENT, instrument_id, revision=revision)
    _require_free_line(
        work, instrument.branch_id, instrument.content.port_url, apart_from=instrument_id
    )
    back = work.records.move(instrument, "put_back", reason_code="BACK_IN_SERVICE", reason=reason)
    work.tell(back, _put_in_service(back))
    return back


def _require_offered(model: str, settings: LineSettings | None) -> None:
    """Other settings would make noise of every print, which nobody could explain."""
    profile = load_profiles().get(model)
    offered = profile.lines if profile else ()
    if settings is not None and settings not in offered:
        text = f"must be one of {', '.join(map(str, offered))}"
        raise invalid("line_settings", "line_settings", text, reason="LINE_SETTINGS_UNKNOWN")


def _require_free_line(
    work: UnitOfWork, branch_id: str, port_url: str, *, apart_from: str = ""
) -> None:
    store.hold_ports(work.connection, branch_id)
    if store.instrument_on(work.connection, branch_id, port_url) not in ("", apart_from):
        raise PortTaken("another instrument in service at this branch has this line")


def _put_in_service(instrument: Record[Instrument]) -> InstrumentPutInService:
    return InstrumentPutInService(
        instrument_id=instrument.id,
        model=instrument.content.model,
        branch_id=instrument.branch_id,
        station_code=instrument.content.station_code,
    )
