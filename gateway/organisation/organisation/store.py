"""Organisation's SQL: logins and sessions, token keys, and look-ups of branches and staff."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.errors import AlreadyThere
from chassis.records.envelope import Record
from chassis.records.rows import record_of
from chassis.records.tables import record
from organisation.branch import BRANCH, Branch
from organisation.login import Login
from organisation.staff import QUALIFICATION, STAFF, Qualification, Staff
from organisation.tables import login as login_table
from organisation.tables import session as session_table
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


def end_sessions(
    connection: Connection, staff_id: str, at: datetime, *, session_id: str = ""
) -> None:
    """End one session of a person, or all of them."""
    statement = update(session_table).where(
        session_table.c.staff_id == staff_id, session_table.c.ended_at.is_(None)
    )
    if session_id:
        statement = statement.where(session_table.c.id == session_id)
    connection.execute(statement.values(ended_at=at))


def newest_keys(connection: Connection) -> list[Any]:
    """Return the token keys, newest first."""
    return list(connection.execute(select(token_key).order_by(token_key.c.made_at.desc()).limit(3)))


def add_key(connection: Connection, **columns: Any) -> None:
    """Keep a new token key."""
    connection.execute(insert(token_key).values(**columns))


def branches(connection: Connection) -> list[Record[Branch]]:
    """Return the branches of the chain by code."""
    statement = (
        select(record).where(record.c.kind == BRANCH.name).order_by(record.c.content["code"].astext)
    )
    return [record_of(row, BRANCH) for row in connection.execute(statement).mappings()]


def has_staff(connection: Connection) -> bool:
    """Tell whether anybody was ever appointed."""
    return connection.execute(select(login_table.c.staff_id).limit(1)).first() is not None


def staff_page(
    connection: Connection, branch_id: str, after_login: str, size: int
) -> list[Record[Staff]]:
    """Return the staff of a branch (or of all) by login."""
    name = record.c.content["login"].astext
    statement = (
        select(record)
        .where(record.c.kind == STAFF.name, name > after_login)
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
