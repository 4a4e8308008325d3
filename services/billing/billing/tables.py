"""Billing's own tables: prices, the ledger, and the time zones of branches. The rest are
records."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Sequence, Table, Text

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

order_number = Sequence("order_number")
receipt_number = Sequence("receipt_number")

price = Table(
    "price",
    metadata,
    Column("price_list_id", Id("pls"), primary_key=True),
    Column("item", Text, primary_key=True),
    Column("product_id", Text),
    Column("service_code", Text),
    Column("name", Text),
    Column("amount_minor", BigInteger),
)

posting = Table(
    "posting",
    metadata,
    Column("id", Id("pst"), primary_key=True),
    Column("posting_kind", Text),
    Column("order_id", Id("ord")),
    Column("record_id", Text),
    Column("reverses_id", Id("pst")),
    Column("branch_id", Id("br")),
    Column("currency", Text),
    Column("posted_at", instant),
    Column("posted_by", Text),
)

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("posting_id", Id("pst"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("account", Text),
    Column("amount_minor", BigInteger),
)

branch_zone = Table(
    "branch_zone",
    metadata,
    Column("branch_id", Id("br"), primary_key=True),
    Column("time_zone", Text),
    Column("drill", Text),
)
