"""What is made in a drill is marked for good, kept apart, and its going is no flaw of the past."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chassis import actor, drill_purge
from chassis.actor import Actor, Scope
from chassis.auth import admit
from chassis.contract import rule_of
from chassis.ids import as_uuid, new_id
from chassis.records import worklists
from chassis.records.apart import DrillApart
from chassis.records.envelope import Record
from chassis.records.kinds import Kind, Transitions
from chassis.records.pins import pin
from chassis.records.proof import Flaw
from chassis.roles import Role
from chassis.tokens import Identity
from optichain.billing.v1 import billing_service_pb2
from test_proof import Past, past  # noqa: F401  # a fixture
from upstream import EDGER, OPTOMETRIST, SHEET, WORK, Sheet, TwoOwners, Work

DRILL, OTHER = new_id("drl"), new_id("drl")
PRACTISING = replace(OPTOMETRIST, drill=DRILL)
LIST = Kind("upstream.list", "lst", Sheet, Transitions("published"), chain_wide=True)


@pytest.fixture
def owners(past: Past) -> TwoOwners:  # noqa: F811
    """Two owners in one database."""
    return past.owners


def sheet_of(owners: TwoOwners, by: Actor) -> Record[Sheet]:
    with owners.upstream.work(by) as work:
        return work.records.add(SHEET, Sheet(power=-200))


def count(past: Past, table: str, where: str, **named: Any) -> int:  # noqa: F811
    with past.owner.begin() as connection:
        found = connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"), named)
        return int(found.scalar_one())


def test_what_is_made_in_a_drill_says_so_and_what_is_real_does_not(owners: TwoOwners) -> None:
    assert sheet_of(owners, PRACTISING).drill == DRILL
    assert sheet_of(owners, OPTOMETRIST).drill == ""


def test_nobody_makes_a_drill_of_real_work_or_the_reverse(owners: TwoOwners) -> None:
    sheet = sheet_of(owners, OPTOMETRIST)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        owners.upstream.work(OPTOMETRIST) as work,
    ):
        work.connection.execute(
            text("UPDATE record SET drill = 'x' WHERE id = :id"), {"id": as_uuid(sheet.id)}
        )


@pytest.mark.parametrize(
    ("maker", "comer"),
    [
        (PRACTISING, OPTOMETRIST),
        (OPTOMETRIST, PRACTISING),
        (PRACTISING, replace(OPTOMETRIST, drill=OTHER)),
    ],
)
def test_nobody_reaches_across(owners: TwoOwners, maker: Actor, comer: Actor) -> None:
    sheet = sheet_of(owners, maker)
    with owners.upstream.work(comer) as work:
        with pytest.raises(DrillApart):
            work.records.get(SHEET, sheet.id)
        with pytest.raises(DrillApart):
            work.records.find(SHEET, sheet.id)
        with pytest.raises(DrillApart):
            work.records.note(sheet)


def test_the_clock_of_a_worker_runs_for_drills_too(owners: TwoOwners) -> None:
    sheet = sheet_of(owners, PRACTISING)
    with owners.upstream.work(actor.system("upstream")) as work:
        assert work.records.find(SHEET, sheet.id).drill == DRILL


def test_a_drill_reads_what_is_the_whole_chains_and_writes_nothing_of_it(
    owners: TwoOwners,
) -> None:
    with owners.upstream.work(OPTOMETRIST) as work:
        published = work.records.add(LIST, Sheet(power=1))
    with owners.upstream.work(PRACTISING) as work:
        assert work.records.get(LIST, published.id).content.power == 1
        with pytest.raises(DrillApart):
            work.records.amend(published, reason_code="X", reason="x", power=2)
        with pytest.raises(DrillApart):
            work.records.add(LIST, Sheet(power=2))


def test_a_fact_of_a_drill_says_so_whoever_tells_it(owners: TwoOwners, past: Past) -> None:  # noqa: F811
    sheet = sheet_of(owners, PRACTISING)
    with owners.upstream.work(PRACTISING) as work:
        work.records.amend(sheet, reason_code="X", reason="x", power=-225)
    clocked = sheet_of(owners, PRACTISING)
    with owners.upstream.work(actor.system("upstream")) as work:
        work.records.amend(
            work.records.find(SHEET, clocked.id), reason_code="X", reason="x", power=-225
        )
    owners.amend(sheet_of(owners, OPTOMETRIST).id, power=-225)

    assert count(past, "outbox", "drill = :drill", drill=DRILL) == 2
    assert count(past, "outbox", "drill = ''") == 1


def asked(owners: TwoOwners, by: Actor) -> list[str]:
    with owners.downstream.snapshot() as connection:
        page = worklists.reviews(connection, by, None, page_size=10, page_token="")
    return [one.id for one in page.rows]


def test_a_review_in_a_drill_is_the_drills_and_asks_nobody_else(owners: TwoOwners) -> None:
    sheet = sheet_of(owners, PRACTISING)
    with owners.downstream.work(replace(EDGER, drill=DRILL)) as work:
        holder = work.records.add(
            WORK, Work(), state="accepted", responsible_role=EDGER.role, relies_on=[pin(sheet)]
        )
    with owners.upstream.work(PRACTISING) as work:
        work.records.amend(sheet, reason_code="X", reason="x", power=-225)
    owners.tell()

    (review,) = owners.reviews_of(holder)
    assert review.drill == DRILL
    optician = Actor(
        id=new_id("stf"),
        role=Role.OPTICIAN,
        roles=frozenset({Role.OPTICIAN}),
        branch_id=holder.branch_id,
        scope=Scope.OWN_BRANCH,
    )
    assert asked(owners, optician) == []
    assert asked(owners, replace(optician, drill=DRILL)) == [review.id]


def test_the_drill_travels_from_token_to_service_to_service() -> None:
    person = Identity("stf_1", False, (Role.OPTICIAN,), "br_1", "", 0.0, drill=DRILL)
    billing = billing_service_pb2.DESCRIPTOR.services_by_name["BillingService"]
    rule = rule_of(billing.methods_by_name["GetOrder"])
    assert admit(rule, person).drill == DRILL
    service = Identity("labjob", True, (), "", "", 0.0)
    assert admit(rule, service, actor_id="stf_1", actor_drill=DRILL).drill == DRILL


def test_a_mark_that_was_put_on_later_is_found(past: Past) -> None:  # noqa: F811
    sheet_id = past.sheet()
    past.tamper("UPDATE record SET drill = 'drl' WHERE id = :id", id=as_uuid(sheet_id))

    (found,) = past.found()
    assert (found.flaw, found.record_id) == (Flaw.RECORD_DIFFERS, sheet_id)


def test_a_drill_that_is_purged_leaves_no_row_and_no_flaw(past: Past) -> None:  # noqa: F811
    past.sheet()
    sheet = sheet_of(past.owners, PRACTISING)
    with past.owners.downstream.work(replace(EDGER, drill=DRILL)) as work:
        work.records.add(
            WORK, Work(), state="accepted", responsible_role=EDGER.role, relies_on=[pin(sheet)]
        )
    with past.owners.upstream.work(PRACTISING) as work:
        work.records.amend(sheet, reason_code="X", reason="x", power=-225)
    past.owners.tell()
    assert past.anchor()
    assert past.found() == past.not_as_anchored() == []

    removed = purged(past, DRILL)

    assert removed["record"] == 3  # sheet, work and review
    assert {"history", "pin", "review", "handover", "outbox", "known_version"} <= removed.keys()
    assert past.found() == past.not_as_anchored() == []
    assert count(past, "record", "true") == 1
    for table, gone in removed.items():
        assert gone, table
    assert purged(past, DRILL) == {}


def test_real_work_is_not_purged_and_its_removal_is_found(past: Past) -> None:  # noqa: F811
    sheet_id = past.sheet()
    assert past.anchor()
    assert purged(past, DRILL) == {}

    past.tamper("DELETE FROM history WHERE record_id = :id", id=as_uuid(sheet_id))
    past.tamper("DELETE FROM record WHERE id = :id", id=as_uuid(sheet_id))
    assert {one.flaw for one in past.not_as_anchored()} == {Flaw.NOT_AS_ANCHORED}


def test_a_table_that_nobody_said_anything_of_stops_the_purge(past: Past) -> None:  # noqa: F811
    past.tamper("CREATE TABLE forgotten (record_id uuid)")
    with pytest.raises(drill_purge.TableUndeclared, match="forgotten"):
        purged(past, DRILL)


def purged(past: Past, drill: str) -> dict[str, int]:  # noqa: F811
    """Purge as the owner of the tables, in a service without tables or objects of its own."""
    with past.owner.begin() as connection:
        return drill_purge.purge(connection, "no_service", drill, past.objects)
