"""Clinical's SQL on closed files: the tiers it has heard of, and where people were seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select
from sqlalchemy.dialects.postgresql import insert

from chassis.access import ORDINARY
from chassis.ids import Id
from chassis.records.tables import record
from clinical.protection import KnownHere
from clinical.tables import protected_person
from clinical.visit import VISIT

_CUSTOMER = bindparam("customer_id", type_=Id("cus"))
_KNOWN = select(
    select(protected_person.c.tier)
    .where(protected_person.c.customer_id == _CUSTOMER)
    .scalar_subquery()
    .label("tier"),
    exists()
    .where(
        record.c.customer_id == _CUSTOMER,
        record.c.kind == VISIT.name,
        record.c.recorded_at > bindparam("since"),
        record.c.branch_id == bindparam("branch_id", type_=Id("br")),
    )
    .label("was_seen"),
)
"""One statement for each look at a file."""


def known_here(
    connection: Connection, customer_id: str, branch_id: str, since: datetime
) -> KnownHere:
    """Return what is known of a person, as a branch asks."""
    asked = {"customer_id": customer_id, "branch_id": branch_id, "since": since}
    row = connection.execute(_KNOWN, asked).one()
    return KnownHere(tier=row.tier or ORDINARY, is_known_here=row.was_seen)


def keep_tier(connection: Connection, customer_id: str, tier: str, set_at: datetime) -> None:
    """Keep how closely a person's file is kept, unless something later was heard before."""
    given = insert(protected_person).values(customer_id=customer_id, tier=tier, set_at=set_at)
    later = {name: given.excluded[name] for name in ("tier", "set_at")}
    connection.execute(
        given.on_conflict_do_update(
            index_elements=["customer_id"],
            set_=later,
            where=protected_person.c.set_at < given.excluded.set_at,
        )
    )
