"""Organisation's own tables: logins, sessions and token keys. Branches and staff are records."""

from __future__ import annotations

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Integer, LargeBinary, MetaData, Table, Text

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

login = Table(
    "login",
    metadata,
    Column("staff_id", Id("stf"), primary_key=True),
    Column("name", Text),
    Column("password_hash", Text),
    Column("failures", Integer),
    Column("locked_until", instant),
    Column("change_due", Boolean),
)

session = Table(
    "session",
    metadata,
    Column("id", Id("ses"), primary_key=True),
    Column("staff_id", Id("stf")),
    Column("branch_id", Id("br")),
    Column("roles", ARRAY(Text)),
    Column("renewal_hash", LargeBinary),
    Column("expires_at", instant),
    Column("ended_at", instant),
    Column("authenticated_at", instant),
)

stranger = Table(
    "stranger",
    metadata,
    Column("name_hash", LargeBinary, primary_key=True),
    Column("failures", Integer),
    Column("locked_until", instant),
    Column("failed_at", instant),
)

token_key = Table(
    "token_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("sealed_private", Text),
    Column("public", Text),
    Column("made_at", instant),
)
