"""Customer's own tables: what people are found by, and the report of imports. The people themselves
are records."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, DateTime, Integer, LargeBinary, MetaData, Table, Text

from chassis.ids import Id

metadata = MetaData()

person_search = Table(
    "person_search",
    metadata,
    Column("person_id", Id("cus"), primary_key=True),
    Column("name_folded", Text),
    Column("name_turned", Text),
    Column("initials", Text),
    Column("phone_e164", Text),
    Column("phone_last4", Text),
    Column("birthday", Date),
    Column("short_code", Text),
    Column("merged_into", Id("cus")),
    Column("standing", Text),
    Column("look_on", Date),
    Column("drill", Text),
)
"""One row for each person. `initials` are followed by a space and the folded name, so that one
index finds and orders; an alias keeps its row, found by its code alone, and names who it is now. A
person who is restricted or erased keeps an empty one; `look_on` is when it is looked again whether
anything still keeps the person."""

known_business = Table(
    "known_business",
    metadata,
    Column("subject_id", Text, primary_key=True),
    Column("customer_id", Id("cus")),
    Column("business", Text),
    Column("last_at", DateTime(timezone=True)),
    Column("is_open", Boolean),
)
"""Visits and orders that customer heard of, so that it need ask nobody what keeps a person."""

seen_at = Table(
    "seen_at",
    metadata,
    Column("person_id", Id("cus"), primary_key=True),
    Column("branch_id", Id("br"), primary_key=True),
    Column("last_at", DateTime(timezone=True)),
)
"""Where a person's last visit was at each branch; the id is as it was when the visit was opened."""

import_row = Table(
    "import_row",
    metadata,
    Column("import_id", Id("imp"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("outcome", Text),
    Column("customer_id", Id("cus")),
    Column("field", Text),
    Column("reason", Text),
    Column("text", Text),
    Column("duplicate_of_id", Id("cus")),
    Column("name_key", LargeBinary),
    Column("birthday_key", LargeBinary),
)
