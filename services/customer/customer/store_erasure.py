"""Customer's SQL of erasure: what is known of a person's visits and orders, whom nothing keeps any
more, and how a person is no longer found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, String, and_, cast, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from chassis.ids import as_uuid
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import evidence, record
from customer.erasure import ERASURE, UNDER_WAY, Erasure, ErasureState
from customer.import_batch import IMPORT_BATCH
from customer.message import MESSAGE
from customer.person import PERSON
from customer.retention import Basis
from customer.tables import import_row, known_business, person_search

VISIT, ORDER = "visit", "order"

_CSV = "text/csv"
_LOOKED_AT_ONCE = 20
_BASIS = {VISIT: Basis.LAST_VISIT, ORDER: Basis.LAST_ORDER}


def note_business(
    connection: Connection,
    subject_id: str,
    customer_id: str,
    business: str,
    at: datetime,
    *,
    is_open: bool,
) -> None:
    """Note a visit, or how an order stands; in whatever order it is heard of, an end stays one."""
    columns = known_business.c
    statement = insert(known_business).values(
        subject_id=subject_id,
        customer_id=customer_id,
        business=business,
        last_at=at,
        is_open=is_open,
    )
    told = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["subject_id"],
            set_={
                "last_at": func.greatest(columns.last_at, told.last_at),
                "is_open": and_(columns.is_open, told.is_open),
            },
        )
    )


def open_orders(connection: Connection, customer_ids: Sequence[str]) -> list[str]:
    """Return the orders of a person that have not ended, as far as customer has heard."""
    columns = known_business.c
    rows = connection.execute(
        select(columns.subject_id)
        .where(columns.customer_id.in_(customer_ids), columns.business == ORDER, columns.is_open)
        .order_by(columns.subject_id)
    )
    return [row.subject_id for row in rows]


def last_days(
    connection: Connection, customer_ids: Sequence[str], ward_ids: Sequence[str]
) -> dict[Basis, date]:
    """Return the last day of each thing that retention is counted from, of those there were."""
    business = _last_business(connection, customer_ids)
    found: dict[Basis, datetime] = {_BASIS[name]: at for name, at in business.items()}
    of_wards = _last_business(connection, ward_ids).get(VISIT)
    if of_wards is not None:
        found[Basis.LAST_VISIT_OF_WARD] = of_wards
    recorded = _last_recorded(connection, customer_ids)
    if MESSAGE.name in recorded:
        found[Basis.LAST_MESSAGE] = recorded[MESSAGE.name]
    found[Basis.LAST_CONTACT] = max([*business.values(), *recorded.values()])
    return {basis: at.date() for basis, at in found.items()}


def _last_business(connection: Connection, customer_ids: Sequence[str]) -> dict[str, datetime]:
    columns = known_business.c
    rows = connection.execute(
        select(columns.business, func.max(columns.last_at))
        .where(columns.customer_id.in_(customer_ids))
        .group_by(columns.business)
    )
    return {row[0]: row[1] for row in rows}


def _last_recorded(connection: Connection, customer_ids: Sequence[str]) -> dict[str, datetime]:
    rows = connection.execute(
        select(record.c.kind, func.max(record.c.recorded_at))
        .where(record.c.customer_id.in_(customer_ids), record.c.kind != ERASURE.name)
        .group_by(record.c.kind)
    )
    return {row[0]: row[1] for row in rows}


def under_way(connection: Connection, customer_ids: Sequence[str]) -> Record[Erasure] | None:
    """Return the erasure of a person that has not ended."""
    row = (
        connection.execute(
            select(record).where(
                record.c.customer_id.in_(customer_ids),
                record.c.kind == ERASURE.name,
                record.c.state.in_(UNDER_WAY),
            )
        )
        .mappings()
        .first()
    )
    return record_of(row, ERASURE) if row is not None else None


def next_approved(connection: Connection) -> Record[Erasure] | None:
    """Claim the erasure that was approved first and not carried out yet."""
    row = (
        connection.execute(
            select(record)
            .where(record.c.kind == ERASURE.name, record.c.state == "approved")
            .order_by(record.c.recorded_at, record.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        .mappings()
        .first()
    )
    return record_of(row, ERASURE) if row is not None else None


def erasures(
    connection: Connection,
    state: ErasureState | None,
    on: date,
    after: Sequence[Any],
    size: int,
) -> list[Record[Erasure]]:
    """Return erasures in a state, or else those that wait for a decision, oldest first."""
    columns = record.c
    held_until = columns.content["held_until"].astext
    waits = or_(
        columns.state.in_(["proposed", "requested"]),
        and_(columns.state == "restricted", held_until < on.isoformat()),
    )
    statement = select(record).where(
        columns.kind == ERASURE.name, columns.state == str(state) if state else waits
    )
    if after:
        statement = statement.where(tuple_(columns.recorded_at, columns.id) > tuple(after))
    ordered = statement.order_by(columns.recorded_at, columns.id).limit(size)
    return [record_of(row, ERASURE) for row in connection.execute(ordered).mappings()]


def hide(connection: Connection, customer_ids: Sequence[str], standing: str) -> None:
    """Let nobody find a person any more, by whatever is known of the person or was called alike."""
    columns = person_search.c
    connection.execute(
        update(person_search)
        .where(columns.person_id.in_(customer_ids))
        .values(
            name_folded="",
            name_turned="",
            initials="",
            phone_e164="",
            phone_last4="",
            birthday=None,
            short_code=cast(columns.person_id, String),  # nobody's, and unlike any code
            standing=standing,
        )
    )


def claim_to_look_at(connection: Connection, on: date) -> list[str]:
    """Claim some people of whom it is to be looked whether anything still keeps them."""
    columns = person_search.c
    rows = connection.execute(
        select(columns.person_id)
        .where(
            columns.merged_into.is_(None),
            columns.standing == "",
            or_(columns.look_on.is_(None), columns.look_on <= on),
        )
        .order_by(columns.look_on.nulls_first(), columns.person_id)
        .limit(_LOOKED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return [row.person_id for row in rows]


def look_again(connection: Connection, customer_id: str, on: date) -> None:
    """Look on a day again whether anything keeps a person."""
    connection.execute(
        update(person_search).where(person_search.c.person_id == customer_id).values(look_on=on)
    )


def files_of_imports(connection: Connection, batch_ids: Sequence[str]) -> list[str]:
    """Return the files that imports read, however often each was uploaded; of those that go on,
    none."""
    ids = [as_uuid(one) for one in batch_ids]
    mine = select(record.c.evidence[0]["sha256"].astext).where(record.c.id.in_(ids))
    rows = connection.execute(
        select(record.c.state, record.c.evidence[0]["object_key"].astext.label("object_key")).where(
            record.c.kind == IMPORT_BATCH.name,
            record.c.evidence[0]["sha256"].astext.in_(mine),
        )
    ).all()
    if any(row.state == "started" for row in rows):
        return []
    return [row.object_key for row in rows]


def old_files(connection: Connection, before: datetime) -> list[str]:
    """Return some files of imports that were confirmed before a moment and that no import reads."""
    columns = evidence.c
    reads = select(record.c.id).where(
        record.c.kind == IMPORT_BATCH.name,
        record.c.state == "started",
        record.c.evidence[0]["object_key"].astext == columns.object_key,
    )
    rows = connection.execute(
        select(columns.object_key)
        .where(
            columns.media_type == _CSV,
            columns.confirmed_at < before,
            columns.let_go_at.is_(None),
            ~reads.exists(),
        )
        .order_by(columns.confirmed_at)
        .limit(_LOOKED_AT_ONCE)
    )
    return [row.object_key for row in rows]


def forget_keys(connection: Connection, object_keys: Sequence[str]) -> None:
    """Forget by what the dry runs of these files told who stands in them twice."""
    read = select(record.c.id).where(
        record.c.kind == IMPORT_BATCH.name,
        record.c.evidence[0]["object_key"].astext.in_(object_keys),
    )
    connection.execute(
        update(import_row)
        .where(import_row.c.import_id.in_(read), import_row.c.name_key.is_not(None))
        .values(name_key=None, birthday_key=None)
    )


def sources_of(connection: Connection, customer_ids: Sequence[str]) -> list[str]:
    """Return where the person's records say they came from."""
    rows = connection.execute(
        select(record.c.source_detail)
        .where(record.c.customer_id.in_(customer_ids), record.c.kind == PERSON.name)
        .distinct()
    )
    return [row.source_detail for row in rows if row.source_detail]
