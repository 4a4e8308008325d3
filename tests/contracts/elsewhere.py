"""A branch that has a record of every kind, and a look at everything that is written anywhere."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, text

from chain import Chain, Person
from chassis import evidence
from chassis.actor import system
from chassis.db import UnitOfWork
from chassis.ids import as_id, new_id
from chassis.money import Money
from chassis.records.changes import ChangeKind
from chassis.records.conditions import Condition, ConditionType
from chassis.records.envelope import Evidence
from chassis.records.kinds import Kind, kind_of
from chassis.records.pins import Pin, pin
from chassis.records.tables import record, review
from chassis.roles import Role
from clinical.device_reading import DEVICE_READING
from clinical.dispensing.fitting_measurement import EyeFitting
from clinical.prescription import PrescribedEye
from contract import SERVICES
from minimal import content_of
from organisation import store
from organisation.branch import BranchKind
from organisation.staff import QUALIFICATION

LAWFUL: dict[str, dict[str, Any]] = {
    "rx": {"od": PrescribedEye(sphere_centidioptres=-100)},
    "fmm": {"od": EyeFitting()},
    "fsl": {"product_id": "x"},
    "ord": {"currency": "CNY"},
    "qto": {"currency": "CNY", "discount_minor": 0},
    "lot": {"unit_cost": Money(1, "CNY")},
    "trf": {"to_branch_id": "y"},
    "ins": {"port_url": "/dev/ttyS0"},
    "labjob_issue": {"condition": Condition(type=ConditionType.EVIDENCE_PRESENT)},
    "br": {"time_zone": "Asia/Shanghai", "branch_kind": BranchKind.SHOP},
}
"""What the laws of a noun ask for beyond the least of its fields."""
COURSES = ("refraction", "dispensing", "lens_making", "inspection")


def furnish(chain: Chain, person: Person, kinds: set[str]) -> dict[str, str]:
    """Let a branch have a record of each of these kinds, with a photo, and return the ids by kind.

    Each stands on a reading that was revoked since: its gates are shut, and its reviews are open.
    """
    with chain.work("clinical", person.actor) as work:
        reading = work.records.add(DEVICE_READING, content_of(DEVICE_READING.content))
    known = {
        kind: _recorded(chain, person, kind, pin(reading))
        for kind in kinds
        if not kind.endswith("_review")
    }
    with chain.work("clinical", system("clinical")) as work:
        work.records.void(reading, ChangeKind.REVOKED, reason_code="X", reason="x")
    for service in SERVICES:
        chain.hears(service, reading.id, 1, what=ChangeKind.REVOKED)
        known |= _reviews(chain, service)
    known["br"] = known["branch_id"] = person.branch_id
    return known | {"object_key": _key(person), "reason_code": "L01"}


def qualify(chain: Chain, person: Person, staff_id: str) -> None:
    """Let somebody sign, as far as courses go."""
    with chain.work("organisation", person.actor) as work:
        for course in COURSES:
            held = content_of(
                QUALIFICATION.content,
                staff_id=staff_id,
                course=course,
                valid_from=date(2026, 1, 1),
                valid_to=date(2999, 1, 1),
            )
            work.records.add(QUALIFICATION, held)


def signed_in(chain: Chain, person: Person) -> str:
    """Let a session of somebody run, and return its id."""
    session_id = new_id("ses")
    with chain.work("organisation", person.actor) as work:
        store.add_session(
            work.connection,
            id=session_id,
            staff_id=person.id,
            branch_id=person.branch_id,
            roles=[str(person.actor.role)],
            renewal_hash=b"x",
            expires_at=work.at + timedelta(hours=1),
        )
    return session_id


def _recorded(chain: Chain, person: Person, prefix: str, relied_on: Pin) -> str:
    kind: Kind[Any] = kind_of(new_id(prefix))
    lawful = LAWFUL.get(prefix, {})
    if prefix == "ord":  # is answered with the quotation that stands
        lawful = lawful | {"quotation_id": _recorded(chain, person, "qto", relied_on)}
    content = content_of(kind.content, **lawful)
    record_id = person.branch_id if prefix == "br" else new_id(prefix)
    with chain.work(kind.owner, person.actor) as work:
        work.records.add(
            kind,
            content,
            id=record_id,
            responsible_role=Role.OPTICIAN,
            evidence=[_photo(work, person)],
            relies_on=[relied_on],
        )
    return record_id


def _key(person: Person) -> str:
    return f"photo/{person.branch_id}"


def _photo(work: UnitOfWork, person: Person) -> Evidence:
    shown = Evidence(object_key=_key(person), sha256="0" * 64, media_type="image/png", size_bytes=1)
    evidence.kept(work.connection, shown, work.actor.id, work.at)
    return shown


def _reviews(chain: Chain, service: str) -> dict[str, str]:
    with chain.database(service).snapshot() as connection:
        found = connection.execute(select(review.c.id)).scalars().first()
    prefix = f"{service}_review"
    return {prefix: as_id(prefix, found)} if found else {}


def everything(chain: Chain) -> dict[str, str]:
    """Return what every table of every service holds, as one hash each: whatever is written
    anywhere makes it another."""
    return {
        f"{service}.{table}": found
        for service in SERVICES
        for table, found in _hashes(chain, service).items()
    }


def _hashes(chain: Chain, service: str) -> dict[str, str]:
    tables = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')"
    )
    with chain.database(service).snapshot() as connection:
        names = connection.execute(text(tables)).scalars().all()
        each = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{name}\" t"
            for name in names
        )
        return {row[0]: row[1] for row in connection.execute(text(each))}


def revisions_at(chain: Chain, branch_id: str) -> dict[str, int]:
    """Return how often each record of a branch was written."""
    found: dict[str, int] = {}
    for service in SERVICES:
        with chain.database(service).snapshot() as connection:
            asked = select(record.c.id, record.c.revision).where(record.c.branch_id == branch_id)
            found |= {str(row.id): row.revision for row in connection.execute(asked)}
    return found
