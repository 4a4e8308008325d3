"""What the bridge does with its instruments: register, correct, take out of service, return."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from chassis.roles import Role
from device_bridge import store
from device_bridge.instrument import (
    INSTRUMENT,
    ElsewhereManaged,
    Instrument,
    InstrumentPutInService,
    InstrumentTakenOutOfService,
    PortTaken,
    SerialTaken,
)
from device_bridge.profiles import load_profiles


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
) -> Record[Instrument]:
    """Register an instrument at a branch in that IANA zone. Raises Invalid (MODEL_UNKNOWN),
    SerialTaken, PortTaken, ElsewhereManaged."""
    _require_reach(work, branch_id)
    if model not in load_profiles():
        text = "has no profile; docs/instruments.md lists the models that have one"
        raise invalid("model", "model", text, reason="MODEL_UNKNOWN")
    content = Instrument(
        model=model,
        serial_number=serial_number,
        station_code=station_code,
        port_url=port_url,
        time_zone=time_zone,
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
) -> Record[Instrument]:
    """Correct where an instrument stands or on which line. Raises Unknown, Outdated, PortTaken,
    NothingChanged, ElsewhereManaged."""
    instrument = _instrument(work, instrument_id, revision)
    if instrument.state == "in_service":
        _require_free_line(work, instrument.branch_id, port_url, apart_from=instrument_id)
    return work.records.amend(
        instrument,
        reason_code="INSTRUMENT_MOVED",
        reason=reason,
        station_code=station_code,
        port_url=port_url,
    )


def take_out_of_service(
    work: UnitOfWork, *, instrument_id: str, revision: int, reason: str
) -> Record[Instrument]:
    """Stop the use of an instrument. Raises Unknown, Outdated, MoveForbidden, ElsewhereManaged."""
    instrument = _instrument(work, instrument_id, revision)
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
    ElsewhereManaged."""
    instrument = _instrument(work, instrument_id, revision)
    _require_free_line(
        work, instrument.branch_id, instrument.content.port_url, apart_from=instrument_id
    )
    back = work.records.move(instrument, "put_back", reason_code="BACK_IN_SERVICE", reason=reason)
    work.tell(back, _put_in_service(back))
    return back


def _require_reach(work: UnitOfWork, branch_id: str) -> None:
    """Head office looks after every branch, everybody else after their own."""
    if work.actor.role is not Role.HEAD_OFFICE and work.actor.branch_id != branch_id:
        raise ElsewhereManaged("the instrument belongs to another branch")


def _instrument(work: UnitOfWork, instrument_id: str, revision: int) -> Record[Instrument]:
    instrument = work.records.get(INSTRUMENT, instrument_id, revision=revision)
    _require_reach(work, instrument.branch_id)
    return instrument


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
