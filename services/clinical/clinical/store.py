"""Clinical's SQL on its own tables: the day list, armed stations, keys of readings and zones."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis import locks
from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from chassis.rules import in_force
from clinical.tables import armed_station, branch_zone, day_entry, reading_key
from clinical.visit import ArmedStation


def rule(connection: Connection, name: str, day: date) -> Any:
    """Return the body of a rule in force on a day. Raises NoRuleInForce."""
    return in_force(connection, name, day).body


def day_at(connection: Connection, branch_id: str, at: datetime) -> date:
    """Return the date of an instant where a branch stands; the chain's usual zone counts for a
    branch not heard of yet."""
    zone = connection.execute(
        select(branch_zone.c.time_zone).where(branch_zone.c.branch_id == branch_id)
    ).scalar()
    zone = zone or rule(connection, "branch_day", at.date())["time_zone"]
    return at.astimezone(ZoneInfo(zone)).date()


def keep_zone(connection: Connection, branch_id: str, time_zone: str, drill: str = "") -> None:
    """Keep the zone of a branch."""
    statement = upsert(branch_zone).values(branch_id=branch_id, time_zone=time_zone, drill=drill)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["branch_id"], set_={"time_zone": statement.excluded.time_zone}
        )
    )


def add_day_entry(
    connection: Connection,
    *,
    branch_id: str,
    day: date,
    at: datetime,
    appointment_id: str = "",
    visit_id: str = "",
) -> None:
    """Put an expected or present person on the day list."""
    connection.execute(
        insert(day_entry).values(
            id=as_uuid(appointment_id or visit_id),
            branch_id=branch_id,
            day=day,
            at=at,
            appointment_id=appointment_id,
            visit_id=visit_id,
        )
    )


def note_arrival(connection: Connection, appointment_id: str, visit_id: str) -> None:
    """Put the visit beside the appointment it came from."""
    connection.execute(
        update(day_entry)
        .where(day_entry.c.appointment_id == appointment_id)
        .values(visit_id=visit_id)
    )


def day_page(
    connection: Connection, branch_id: str, day: date, key: list[str], size: int
) -> list[dict[str, Any]]:
    """Return some entries of a day by time, after a key of (time, id): when, appointment, visit."""
    columns = day_entry.c
    statement = (
        select(day_entry)
        .where(columns.branch_id == branch_id, columns.day == day)
        .order_by(columns.at, columns.id)
        .limit(size)
    )
    if key:
        after = (datetime.fromisoformat(key[0]), UUID(key[1]))
        statement = statement.where(tuple_(columns.at, columns.id) > after)
    rows = list(connection.execute(statement).mappings())
    named = [row[name] for row in rows for name in ("appointment_id", "visit_id") if row[name]]
    found = _by_id(connection, named)
    return [
        {
            "id": row["id"],
            "at": row["at"],
            "appointment": found.get(row["appointment_id"] or ""),
            "visit": found.get(row["visit_id"] or ""),
        }
        for row in rows
    ]


def _by_id(connection: Connection, record_ids: list[str]) -> dict[str, Record[Any]]:
    rows = connection.execute(
        select(record).where(record.c.id.in_([as_uuid(one) for one in record_ids]))
    ).mappings()
    found: list[Record[Any]] = [record_of(row) for row in rows]
    return {one.id: one for one in found}


def hold_prescriptions_of(connection: Connection, customer_id: str) -> None:
    """Let nobody else prescribe for a customer until the transaction ends."""
    locks.take(connection, customer_id)


def arm(connection: Connection, armed: ArmedStation) -> None:
    """Tell a station whose readings come next, in place of any before."""
    statement = upsert(armed_station).values(asdict(armed))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["branch_id", "station_code"],
            set_={name: statement.excluded[name] for name in ("visit_id", "armed_by", "armed_at")},
        )
    )


def disarm(connection: Connection, visit_id: str, *, branch_id: str = "", code: str = "") -> None:
    """Disarm one station of a visit, or all of them."""
    columns = armed_station.c
    statement = delete(armed_station).where(columns.visit_id == visit_id)
    if code:
        statement = statement.where(columns.branch_id == branch_id, columns.station_code == code)
    connection.execute(statement)


def armed_at(
    connection: Connection, branch_id: str, station_code: str, measured_at: datetime
) -> ArmedStation | None:
    """Return for whom a station was armed when something was measured, which stays so until the
    commit. What waited in a spool must not fall to the next customer."""
    columns = armed_station.c
    found = connection.execute(
        select(armed_station)
        .where(
            columns.branch_id == branch_id,
            columns.station_code == station_code,
            columns.armed_at <= measured_at,
        )
        .with_for_update(read=True)
    ).mappings()
    return next((ArmedStation(**row) for row in found), None)


def station(connection: Connection, branch_id: str, station_code: str) -> ArmedStation | None:
    """Return whom a station is armed for, or None."""
    columns = armed_station.c
    statement = select(armed_station).where(
        columns.branch_id == branch_id, columns.station_code == station_code
    )
    row = connection.execute(statement).mappings().first()
    return ArmedStation(**row) if row else None


def stations_of(connection: Connection, visit_id: str) -> list[ArmedStation]:
    """Return the stations armed for a visit by code."""
    rows = connection.execute(
        select(armed_station)
        .where(armed_station.c.visit_id == visit_id)
        .order_by(armed_station.c.station_code)
    ).mappings()
    return [ArmedStation(**row) for row in rows]


def claim_key(
    connection: Connection, instrument_id: str, idempotency_key: str, reading_id: str
) -> str:
    """Keep the key of a transmission for a reading; returns the reading that has it, an earlier one
    when the transmission came before."""
    columns = reading_key.c
    connection.execute(
        upsert(reading_key)
        .values(instrument_id=instrument_id, idempotency_key=idempotency_key, reading_id=reading_id)
        .on_conflict_do_nothing()
    )
    kept = connection.execute(
        select(columns.reading_id).where(
            columns.instrument_id == instrument_id, columns.idempotency_key == idempotency_key
        )
    ).scalar_one()
    return str(kept)
