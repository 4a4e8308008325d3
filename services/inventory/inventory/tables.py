"""Inventory's own tables: what must be counted, constrained or searched fast. Products, lots and
holds are records."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

catalogue = Table(
    "catalogue",
    metadata,
    Column("product_id", Id("prd"), primary_key=True),
    Column("sku", Text),
    Column("product_kind", Text),
    Column("words", Text),
)

power_range = Table(
    "power_range",
    metadata,
    Column("product_id", Id("prd"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sphere_min", Integer),
    Column("sphere_max", Integer),
    Column("cylinder_min", Integer),
    Column("cylinder_max", Integer),
    Column("add_min", Integer),
    Column("add_max", Integer),
)

product_cost = Table(
    "product_cost",
    metadata,
    Column("product_id", Id("prd"), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("quantity", BigInteger),
    Column("value_minor", BigInteger),
    Column("latest_unit_cost_minor", BigInteger),
    Column("latest_lot_id", Id("lot")),
    Column("accepted_at", instant),
)

shelf = Table(
    "shelf",
    metadata,
    Column("id", Id("shf"), primary_key=True),
    Column("product_id", Id("prd")),
    Column("lot_id", Id("lot")),
    Column("branch_id", Id("br")),
    Column("sphere", Integer),
    Column("cylinder", Integer),
    Column("addition", Integer),
    Column("on_hand", Integer),
    Column("reserved", Integer),
)

piece = Table(
    "piece",
    metadata,
    Column("id", Id("pce"), primary_key=True),
    Column("product_id", Id("prd")),
    Column("lot_id", Id("lot")),
    Column("branch_id", Id("br")),
    Column("serial", Text),
    Column("state", Text),
    Column("holder_id", Text),
    Column("transfer_id", Text),
)

movement = Table(
    "movement",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("moved_at", instant),
    Column("cause", Text),
    Column("product_id", Id("prd")),
    Column("lot_id", Id("lot")),
    Column("branch_id", Id("br")),
    Column("piece_id", Id("pce")),
    Column("sphere", Integer),
    Column("cylinder", Integer),
    Column("addition", Integer),
    Column("quantity", Integer),
    Column("record_id", Text),
)

due_hold = Table(
    "due_hold",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("due_at", instant),
)

order_heard = Table(
    "order_heard",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("revision", Integer),
)
