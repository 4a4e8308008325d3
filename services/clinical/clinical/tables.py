"""Clinical's own tables: the day list, armed stations, keys of readings, zones of branches. All
else is records."""

from __future__ import annotations

from sqlalchemy import Column, Date, DateTime, MetaData, Table, Text, Uuid

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

day_entry = Table(
    "day_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("branch_id", Id("br")),
    Column("day", Date),
    Column("at", instant),
    Column("appointment_id", Id("apt")),
    Column("visit_id", Id("vis")),
)

armed_station = Table(
    "armed_station",
    metadata,
    Column("branch_id", Id("br"), primary_key=True),
    Column("station_code", Text, primary_key=True),
    Column("visit_id", Id("vis")),
    Column("armed_by", Text),
    Column("armed_at", instant),
)

reading_key = Table(
    "reading_key",
    metadata,
    Column("instrument_id", Id("ins"), primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("reading_id", Id("drd")),
)

protected_person = Table(
    "protected_person",
    metadata,
    Column("customer_id", Id("cus"), primary_key=True),
    Column("tier", Text),
    Column("set_at", instant),
)

branch_zone = Table(
    "branch_zone",
    metadata,
    Column("branch_id", Id("br"), primary_key=True),
    Column("time_zone", Text),
    Column("drill", Text),
)
