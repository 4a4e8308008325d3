"""The tables every service has: records with their history, pins and handovers; outbox, inbox and
replies.

The DDL with its grants stands in `chassis/migrations`; this is the same seen from queries.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY as SearchedArray
from sqlalchemy.dialects.postgresql import JSONB

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

record = Table(
    "record",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text),
    Column("version", Integer),
    Column("revision", Integer),
    Column("state", Text),
    Column("void", Text),
    Column("customer_id", Id("cus")),
    Column("case_id", Id("case")),
    Column("branch_id", Id("br")),
    Column("held_at_id", Id("br")),
    Column("source_kind", Text),
    Column("source_detail", Text),
    Column("recorded_at", instant),
    Column("recorded_by", Text),
    Column("responsible_role", Text),
    Column("owner", Text),
    Column("evidence", JSONB),
    Column("approval", JSONB),
    Column("closure", JSONB),
    Column("signature", JSONB(none_as_null=True)),
    Column("content", JSONB),
    Column("handover_id", Id("hnd")),
    Column("head", LargeBinary),
    Column("drill", Text),
)

history = Table(
    "history",
    metadata,
    Column("record_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("version", Integer),
    Column("recorded_at", instant),
    Column("body", Text),
    Column("previous", LargeBinary),
    Column("hash", LargeBinary),
)

pin = Table(
    "pin",
    metadata,
    Column("holder_id", Uuid, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("kind", Text),
    Column("relied_version", Integer),
    Column("settled_version", Integer),
    Column("settled_by", Text),
    Column("fields", ARRAY(Text)),
    Column("fixed", Boolean),
    Column("settled_void", Boolean),
    Column("may_expire", Boolean),
)

known_version = Table(
    "known_version",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("version", Integer),
    Column("void", Boolean),
    Column("expired", Boolean),
    Column("drill", Text),
)

known_change = Table(
    "known_change",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("fields", ARRAY(Text)),
    Column("drill", Text),
)

handover = Table(
    "handover",
    metadata,
    Column("id", Id("hnd"), primary_key=True),
    Column("record_id", Uuid),
    Column("kind", Text),
    Column("version", Integer),
    Column("case_id", Id("case")),
    Column("from_role", Text),
    Column("to_role", Text),
    Column("from_branch_id", Id("br")),
    Column("to_branch_id", Id("br")),
    Column("given_by", Text),
    Column("given_at", instant),
    Column("accepted_by", Text),
    Column("accepted_at", instant),
    Column("pins", JSONB),
    Column("traceparent", Text),
)

refusal = Table(
    "refusal",
    metadata,
    Column("id", Id("rfs"), primary_key=True),
    Column("holder_id", Uuid),
    Column("holder_kind", Text),
    Column("gate", Text),
    Column("refused_at", instant),
    Column("actor", Text),
    Column("role", Text),
    Column("stale", JSONB),
    Column("trace_id", Text),
)

review = Table(
    "review",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("holder_id", Uuid),
    Column("record_id", Text),
    Column("version", Integer),
    Column("is_void", Boolean),
    Column("responsible_role", Text),
    Column("held_at_id", Id("br")),
    Column("owner", Text),
    Column("due_at", instant),
    Column("closed_at", instant),
)

issue = Table(
    "issue",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("responsible_role", Text),
    Column("held_at_id", Id("br")),
    Column("owner", Text),
    Column("due_at", instant),
    Column("closed_at", instant),
)

anchor = Table(
    "anchor",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("until", instant),
    Column("rows", BigInteger),
    Column("object_key", Text),
    Column("sha256", Text),
)

access = Table(
    "access",
    metadata,
    Column("id", Id("acs"), primary_key=True),
    Column("looked_at", instant),
    Column("actor", Text),
    Column("role", Text),
    Column("branch_id", Id("br")),
    Column("kind", Text),
    Column("rpc", Text),
    Column("purpose", Text),
    Column("customer_ids", SearchedArray(Id("cus"))),
    Column("record_id", Text),
    Column("found", Integer),
    Column("unusual", ARRAY(Text)),
    Column("break_glass_id", Text),
    Column("refused_with", Text),
    Column("trace_id", Text),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("event_id", Uuid),
    Column("aggregate_id", Text),
    Column("type", Text),
    Column("body", LargeBinary),
    Column("traceparent", Text),
    Column("occurred_at", instant),
    Column("drill", Text),
)

inbox = Table(
    "inbox",
    metadata,
    Column("subscription", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("handled_at", instant),
)

reply = Table(
    "reply",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("rpc", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Column("request_hash", LargeBinary),
    Column("response", LargeBinary),
    Column("replied_at", instant),
    Column("drill", Text),
)

evidence = Table(
    "evidence",
    metadata,
    Column("object_key", Text, primary_key=True),
    Column("media_type", Text),
    Column("offered_to", Text),
    Column("branch_id", Id("br")),
    Column("offered_at", instant),
    Column("sha256", Text),
    Column("size_bytes", BigInteger),
    Column("note", Text),
    Column("confirmed_at", instant),
    Column("confirmed_as", Text),
    Column("checked_at", instant),
    Column("claimed_until", instant),
    Column("found", Text),
    Column("found_since", instant),
    Column("found_sha256", Text),
    Column("found_size_bytes", BigInteger),
    Column("let_go_at", instant),
    Column("removed_at", instant),
    Column("drill", Text),
)

rule_edition = Table(
    "rule_edition",
    metadata,
    Column("name", Text, primary_key=True),
    Column("edition", Text, primary_key=True),
    Column("valid_from", Text),
    Column("valid_to", Text),
    Column("source", Text),
    Column("confidence", Text),
    Column("body", JSONB),
)
