"""The bridge's own table: how the lines stand. Instruments and captures are records."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text

from chassis.ids import Id

metadata = MetaData()
instant = DateTime(timezone=True)

line = Table(
    "line",
    metadata,
    Column("instrument_id", Id("ins"), primary_key=True),
    Column("link", Text),
    Column("link_changed_at", instant),
    Column("prints_waiting", Integer),
    Column("waiting_reason", Text),
    Column("last_print_at", instant),
)
