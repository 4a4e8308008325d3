"""Organisation's SQL: logins and sessions, token keys, and look-ups of branches and staff."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, exists, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis import locks
from chassis.errors import AlreadyThere
from chassis.ids import as_id, as_uuid
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from organisation.branch import BRANCH, Branch
from organisation.drill import DRILL, Drill
from organisation.login import NOBODY, Login
from organisation.staff import QUALIFICATION, STAFF, Qualification, Staff
from organisation.tables import login as login_table
from organisation.tables import session as session_table
from organisation.tables import stranger as stranger_table
from organisation.tables import token_key


def login_named(connection: Connection, name: str) -> Login | None:
    """Return the login of that name, whatever its case, locked against other attempts meanwhile."""
    statement = (
        select(login_table).where(func.lower(login_table.c.name) == name.lower()).with_for_update()
    )
    row = connection.execute(statement).mappings().first()
    return Login(**row) if row else None


def login_of(connection: Connection, staff_id: str) -> Login | None:
    """Return a person's login, locked against other attempts meanwhile."""
    statement = select(login_table).where(login_table.c.staff_id == staff_id).with_for_update()
    row = connection.execute(statement).mappings().first()
    return Login(**row) if row else None


def is_change_due(connection: Connection, staff_id: str) -> bool:
    """Tell whether a person's password was given by somebody else."""
    statement = select(login_table.c.change_due).where(login_table.c.staff_id == staff_id)
    return bool(connection.execute(statement).scalar())


def stranger(connection: Connection, name_hash: bytes, at: datetime) -> Login:
    """Return the login that does not exist, locked against other attempts meanwhile."""
    connection.execute(
        upsert(stranger_table)
        .values(name_hash=name_hash, failures=0, failed_at=at)
        .on_conflict_do_nothing()
    )
    columns = stranger_table.c
    statement = (
        select(columns.failures, columns.locked_until)
        .where(columns.name_hash == name_hash)
        .with_for_update()
    )
    row = connection.execute(statement).mappings().one()
    return Login(staff_id="", name="", password_hash=NOBODY, **row)


def keep_stranger(connection: Connection, name_hash: bytes, login: Login, at: datetime) -> None:
    """Overwrite what is known of the attempts on a login that does not exist."""
    connection.execute(
        update(stranger_table)
        .where(stranger_table.c.name_hash == name_hash)
        .values(failures=login.failures, locked_until=login.locked_until, failed_at=at)
    )


def forget_strangers(connection: Connection, before: datetime, most: int) -> int:
    """Forget attempts made before an instant on logins that do not exist; returns how many."""
    due = (
        select(stranger_table.c.name_hash)
        .where(stranger_table.c.failed_at < before)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    statement = delete(stranger_table).where(stranger_table.c.name_hash.in_(due))
    return connection.execute(statement).rowcount


def add_login(connection: Connection, login: Login) -> None:
    """Keep a new login. Raises AlreadyThere (LOGIN_TAKEN)."""
    row = connection.execute(
        upsert(login_table)
        .values(asdict(login))
        .on_conflict_do_nothing()
        .returning(login_table.c.staff_id)
    ).first()
    if row is None:
        raise AlreadyThere("this login is taken", reason="LOGIN_TAKEN")


def keep_login(connection: Connection, login: Login) -> None:
    """Overwrite a login."""
    connection.execute(
        update(login_table).where(login_table.c.staff_id == login.staff_id).values(asdict(login))
    )


def add_session(connection: Connection, **columns: Any) -> None:
    """Keep a new session."""
    connection.execute(insert(session_table).values(**columns))


def renew_session(
    connection: Connection, session_id: str, old: bytes, new: bytes, at: datetime
) -> Any:
    """Swap the renewal hash of a session that still runs; returns its row, or None when it has
    ended."""
    columns = session_table.c
    return connection.execute(
        update(session_table)
        .where(
            columns.id == session_id,
            columns.renewal_hash == old,
            columns.ended_at.is_(None),
            columns.expires_at > at,
        )
        .values(renewal_hash=new)
        .returning(*columns)
    ).first()


def confirm_session(connection: Connection, session_id: str, staff_id: str, at: datetime) -> Any:
    """Note that the person of a running session confirmed the password; returns its row, or None
    when it has ended."""
    columns = session_table.c
    return connection.execute(
        update(session_table)
        .where(
            columns.id == session_id,
            columns.staff_id == staff_id,
            columns.ended_at.is_(None),
            columns.expires_at > at,
        )
        .values(authenticated_at=at)
        .returning(*columns)
    ).first()


def end_sessions(
    connection: Connection,
    staff_id: str,
    at: datetime,
    *,
    session_id: str = "",
    apart_from: str = "",
) -> None:
    """End one session of a person, or all of them, or all apart from one."""
    statement = update(session_table).where(
        session_table.c.staff_id == staff_id, session_table.c.ended_at.is_(None)
    )
    if session_id:
        statement = statement.where(session_table.c.id == session_id)
    if apart_from:
        statement = statement.where(session_table.c.id != apart_from)
    connection.execute(statement.values(ended_at=at))


def newest_keys(connection: Connection) -> list[Any]:
    """Return the token keys, newest first."""
    return list(connection.execute(select(token_key).order_by(token_key.c.made_at.desc()).limit(3)))


def add_key(connection: Connection, **columns: Any) -> None:
    """Keep a new token key."""
    connection.execute(insert(token_key).values(**columns))


def hold_codes(connection: Connection) -> None:
    """Let one opening of a branch at a time pass, until the transaction ends."""
    locks.take(connection, "branch codes")


def hold_branches(
    connection: Connection, branch_ids: Sequence[str], *, alone: bool = False
) -> None:
    """Keep branches as they are until the transaction ends, beside others who do, or alone."""
    ids = sorted(as_uuid(one) for one in branch_ids)
    statement = select(record.c.id).where(record.c.id.in_(ids)).order_by(record.c.id)
    connection.execute(statement.with_for_update(read=not alone))


def day_at(connection: Connection, branch_id: str, at: datetime) -> date:
    """Return the date at a branch."""
    statement = select(record.c.content["time_zone"].astext).where(
        record.c.id == as_uuid(branch_id)
    )
    return at.astimezone(ZoneInfo(connection.execute(statement).scalar_one())).date()


def days_at(connection: Connection, branch_ids: Iterable[str], at: datetime) -> dict[str, date]:
    """Return the date at each of these branches."""
    zone = record.c.content["time_zone"].astext
    ids = [as_uuid(one) for one in set(branch_ids)]
    rows = connection.execute(select(record.c.id, zone.label("zone")).where(record.c.id.in_(ids)))
    return {as_id(BRANCH.prefix, row.id): at.astimezone(ZoneInfo(row.zone)).date() for row in rows}


def has_left(connection: Connection, staff_id: str) -> bool:
    """Tell whether somebody's employment has ended."""
    statement = select(record.c.state).where(record.c.id == as_uuid(staff_id))
    return connection.execute(statement).scalar() == "left"


def staff_ids_of(connection: Connection, branch_id: str) -> list[str]:
    """Return who belongs to a branch and has not left."""
    statement = select(record).where(
        record.c.kind == STAFF.name,
        record.c.state == "appointed",
        record.c.content["branch_ids"].contains([branch_id]),
    )
    rows = connection.execute(statement.order_by(record.c.id)).mappings()
    return [record_of(row, STAFF).id for row in rows]


def hold_drills(connection: Connection) -> None:
    """Let one drill begin at a time, until the transaction ends."""
    locks.take(connection, "drills")


def drills_running(connection: Connection, since: datetime) -> int:
    """Return how many drills were begun after an instant and have not ended."""
    columns = record.c
    statement = select(func.count()).where(
        columns.kind == DRILL.name, columns.state == "running", columns.recorded_at > since
    )
    return connection.execute(statement).scalar_one()


def drills_page(connection: Connection, before: Sequence[Any], size: int) -> list[Record[Drill]]:
    """Return some drills, newest first."""
    columns = record.c
    statement = select(record).where(columns.kind == DRILL.name)
    if before:
        statement = statement.where(tuple_(columns.recorded_at, columns.id) < tuple(before))
    ordered = statement.order_by(columns.recorded_at.desc(), columns.id.desc()).limit(size)
    return [record_of(row, DRILL) for row in connection.execute(ordered).mappings()]


def branches(connection: Connection, drill: str = "") -> list[Record[Branch]]:
    """Return the branches of the chain, or of a drill, by code."""
    statement = (
        select(record)
        .where(record.c.kind == BRANCH.name, record.c.drill == drill)
        .order_by(record.c.content["code"].astext)
    )
    return [record_of(row, BRANCH) for row in connection.execute(statement).mappings()]


def has_staff(connection: Connection) -> bool:
    """Tell whether anybody was ever appointed."""
    return connection.execute(select(login_table.c.staff_id).limit(1)).first() is not None


def staff_page(
    connection: Connection, branch_id: str, drill: str, after_login: str, size: int
) -> list[Record[Staff]]:
    """Return the staff of a branch (or of all), of a drill or of none, by login."""
    name = record.c.content["login"].astext
    statement = (
        select(record)
        .where(record.c.kind == STAFF.name, record.c.drill == drill, name > after_login)
        .order_by(name)
        .limit(size)
    )
    if branch_id:
        statement = statement.where(record.c.content["branch_ids"].contains([branch_id]))
    return [record_of(row, STAFF) for row in connection.execute(statement).mappings()]


def qualifications(
    connection: Connection, staff_id: str, course: str = ""
) -> list[Record[Qualification]]:
    """Return a person's qualifications, newest first; only those of one course when it is named."""
    content = record.c.content
    statement = select(record).where(
        record.c.kind == QUALIFICATION.name, content["staff_id"].astext == staff_id
    )
    if course:
        statement = statement.where(content["course"].astext == course)
    rows = connection.execute(statement.order_by(record.c.recorded_at.desc())).mappings()
    return [record_of(row, QUALIFICATION) for row in rows]


def ending_qualifications(
    connection: Connection, first: date, last: date
) -> list[Record[Qualification]]:
    """Return qualifications whose last day lies in a time, both days included, soonest first; not
    those that another of the same person and course outlasts."""
    longer = record.alias("longer")
    ends = record.c.content["valid_to"].astext
    statement = select(record).where(
        record.c.kind == QUALIFICATION.name,
        record.c.void == "",
        ends.between(first.isoformat(), last.isoformat()),
        ~exists().where(
            longer.c.kind == QUALIFICATION.name,
            longer.c.void == "",
            longer.c.content["staff_id"].astext == record.c.content["staff_id"].astext,
            longer.c.content["course"].astext == record.c.content["course"].astext,
            longer.c.content["valid_to"].astext > ends,
        ),
    )
    rows = connection.execute(statement.order_by(ends, record.c.id)).mappings()
    return [record_of(row, QUALIFICATION) for row in rows]


def employed(connection: Connection, staff_ids: Iterable[str]) -> dict[str, Record[Staff]]:
    """Return those of these people who have not left, by id."""
    ids = [as_uuid(one) for one in set(staff_ids)]
    statement = select(record).where(record.c.id.in_(ids), record.c.state == "appointed")
    found = [record_of(row, STAFF) for row in connection.execute(statement).mappings()]
    return {one.id: one for one in found}
