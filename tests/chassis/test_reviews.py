"""Everyone who relied on a fact that changed is asked, once, and nothing of theirs goes on until
they have answered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from chassis import actor, clock
from chassis.actor import Actor, Scope
from chassis.errors import NotPermitted
from chassis.ids import as_uuid
from chassis.records import escalating, holdings, reviewing, worklists
from chassis.records.changes import ChangeKind
from chassis.records.duties import DutiesNotSeparate
from chassis.records.envelope import ApprovalStatus, Record
from chassis.records.known_versions import PinOutdated
from chassis.records.pins import StalePins, pin
from chassis.records.reviews import (
    Decision,
    DecisionIncomplete,
    DecisionNotAllowed,
    JudgedVersionOutdated,
    NotTheReviewer,
    Review,
    ReviewClosed,
)
from chassis.records.tables import handover, review
from chassis.records.worklists import Worklist
from chassis.roles import Role
from local_platform.platform import Platform
from upstream import EDGER, OPTOMETRIST, WORK, Sheet, TwoOwners, Work, change_of, make_database


@pytest.fixture(scope="module")
def owners(parts: Platform) -> Iterator[TwoOwners]:
    """Two services with their own databases."""
    url = parts.part_url("postgres").replace("postgresql://", "postgresql+psycopg://")
    made = TwoOwners(make_database(url, "upstream"), make_database(url, "downstream"))
    yield made
    made.upstream.close()
    made.downstream.close()


def somebody(role: Role) -> Actor:
    """Somebody in a role at the branch where the work is done."""
    return replace(EDGER, id=f"stf_{role}", role=role, roles=frozenset({role}))


OPTICIAN, MANAGER = somebody(Role.OPTICIAN), somebody(Role.BRANCH_MANAGER)


@pytest.fixture
def asked(owners: TwoOwners) -> tuple[Record[Work], Record[Review]]:
    """Work on a power that was amended, and the review of it."""
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, power=-225)
    owners.tell()
    (one,) = owners.reviews_of(work)
    return work, one


def test_whoever_relied_on_what_changed_is_asked_once_with_an_owner_and_a_time(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    holders = [owners.release(sheet, "power"), owners.release(sheet)]
    owners.amend(sheet.id, power=-225)
    owners.tell()

    for holder in holders:
        (one,) = owners.reviews_of(holder)
        content = one.content
        assert (content.record_id, content.version, content.what) == (sheet.id, 2, "amended")
        assert content.fields == ("power",)
        assert (one.responsible_role, one.branch_id) == (Role.OPTICIAN, holder.branch_id)
        assert content.due_at > one.recorded_at
        with owners.downstream.snapshot() as connection:
            to_role = connection.execute(
                select(handover.c.to_role).where(handover.c.record_id == as_uuid(one.id))
            ).scalar_one()
        assert to_role == "optician"


def test_nobody_is_asked_about_what_they_did_not_rely_on(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, note="seen again on Monday")
    owners.tell()
    assert owners.reviews_of(work) == []


def test_nobody_is_asked_about_work_that_is_over(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet)
    finish(owners, work)
    owners.amend(sheet.id, power=-225)
    owners.tell()
    assert owners.reviews_of(work) == []


@pytest.mark.parametrize("first", ["the gate", "the event"])
def test_the_gate_and_the_event_open_one_review_whichever_comes_first(
    owners: TwoOwners, first: str
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet)
    owners.amend(sheet.id, power=-225)
    if first == "the event":
        owners.tell()
    with pytest.raises(StalePins):
        owners.start(work.id)
    owners.tell()

    (one,) = owners.reviews_of(work)
    assert one.content.gate == ("start work" if first == "the gate" else "")


def test_a_superseded_record_is_asked_about_and_the_successor_named(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet)
    new = owners.supersede(sheet.id, power=-225)
    owners.tell()
    (one,) = owners.reviews_of(work)
    assert (one.content.is_void, one.content.successor_id) == (True, new.id)


def test_adopting_settles_the_pin_and_the_gate_opens(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    decided = owners.decide(one, Decision.ADOPT, OPTICIAN)

    assert (decided.state, decided.content.judged_version) == ("closed", 2)
    with owners.downstream.snapshot() as connection:
        (held,) = holdings.pins_of(connection, work.id)
    assert (held.relied_version, held.settled_version, held.settled_by) == (1, 2, OPTICIAN.id)
    assert owners.start(work.id).state == "started"


def test_that_the_old_version_stays_takes_a_second_person_and_holds_until_the_next_change(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    proposed = owners.decide(one, Decision.KEEP, OPTICIAN, reason="she is used to it")
    assert (proposed.state, proposed.responsible_role) == (
        "awaiting_approval",
        Role.BRANCH_MANAGER,
    )
    with pytest.raises(StalePins):
        owners.start(work.id)

    kept = owners.decide(one, Decision.KEEP, MANAGER, reason="agreed")
    assert (kept.state, kept.approval.status) == ("closed", ApprovalStatus.APPROVED)
    assert (kept.content.decided_by, kept.approval.decided_by) == (OPTICIAN.id, MANAGER.id)
    assert owners.start(work.id).state == "started"

    owners.amend(one.content.record_id, power=-250)
    owners.tell()
    assert [again.content.version for again in owners.reviews_of(work)] == [3]


@pytest.mark.parametrize("end", ["revoke", "supersede"])
def test_a_record_that_ended_can_be_kept_and_does_not_shut_the_gate_for_ever(
    owners: TwoOwners, end: str
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet)
    getattr(owners, end)(sheet.id)
    owners.tell()
    (one,) = owners.reviews_of(work)
    owners.decide(one, Decision.KEEP, OPTICIAN)
    owners.decide(one, Decision.KEEP, MANAGER)

    assert owners.start(work.id).state == "started"
    owners.tell()
    assert owners.reviews_of(work) == []
    with owners.downstream.work(EDGER) as unit:  # what rests on the work rests on what was kept
        held = unit.records.get(WORK, work.id)
        unit.records.add(WORK, Work(), relies_on=[pin(held)])


def test_nobody_agrees_with_themselves(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    _work, one = asked
    owners.decide(one, Decision.KEEP, MANAGER)
    with pytest.raises(DutiesNotSeparate):
        owners.decide(one, Decision.KEEP, MANAGER)
    with pytest.raises(NotTheReviewer):
        owners.decide(one, Decision.KEEP, OPTICIAN)


def test_a_decision_on_a_version_that_has_moved_on_is_refused(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    owners.amend(one.content.record_id, power=-250)
    with pytest.raises(JudgedVersionOutdated):
        owners.decide(one, Decision.ADOPT, OPTICIAN)

    owners.tell()
    newest = max(owners.reviews_of(work), key=lambda found: found.content.version)
    owners.decide(newest, Decision.ADOPT, OPTICIAN)
    assert owners.reviews_of(work) == []  # the older question is answered with the newer one


def test_a_decision_for_an_amendment_does_not_answer_a_revocation_after_it(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    owners.revoke(one.content.record_id)
    with pytest.raises(JudgedVersionOutdated):
        owners.decide(one, Decision.ADOPT, OPTICIAN)
    owners.tell()
    assert [found.content.is_void for found in owners.reviews_of(work)] == [False, True]


@pytest.mark.parametrize(
    ("who", "said", "refused"),
    [
        (somebody(Role.CASHIER), {}, NotTheReviewer),
        (OPTICIAN, {"reason": " "}, DecisionIncomplete),
        (OPTICIAN, {"decision": Decision.REWORK}, DecisionNotAllowed),
        (
            replace(OPTICIAN, branch_id=OPTOMETRIST.branch_id, scope=Scope.OWN_BRANCH),
            {},
            NotPermitted,
        ),
    ],
)
def test_a_decision_is_refused_to_strangers_without_a_reason_and_when_it_is_none(
    owners: TwoOwners,
    asked: tuple[Record[Work], Record[Review]],
    who: Actor,
    said: dict[str, object],
    refused: type[Exception],
) -> None:
    work, one = asked
    decision = said.pop("decision", Decision.KEEP)
    with pytest.raises(refused):
        owners.decide(one, decision, who, **said)  # type: ignore[arg-type]  # one of the decisions
    assert [found.state for found in owners.reviews_of(work)] == ["open"]


def test_a_closed_review_is_not_decided_again(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    _work, one = asked
    owners.decide(one, Decision.ADOPT, OPTICIAN)
    with pytest.raises(ReviewClosed):
        owners.decide(one, Decision.ADOPT, OPTICIAN)


def test_standing_afresh_on_the_live_version_answers_the_review(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    with owners.upstream.snapshot() as connection:
        sheet: Record[Sheet] = worklists.record_at(connection, one.content.record_id)
    with owners.downstream.work(EDGER) as unit:
        unit.records.move(unit.records.get(WORK, work.id), "redo", relies_on=[pin(sheet, "power")])

    assert owners.reviews_of(work) == []
    assert closed_as(owners, one) == ("adopt", "RELIED_AFRESH")


def test_a_record_that_ends_takes_its_reviews_with_it(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    finish(owners, work)
    assert owners.reviews_of(work) == []
    assert closed_as(owners, one) == (None, "HOLDER_ENDED")


def test_a_lock_that_ended_asks_nobody_any_more(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    locked = replace(change_of(sheet.id, 1), what=ChangeKind.LOCKED)
    owners.hear(locked)
    assert [one.content.what for one in owners.reviews_of(work)] == ["locked"]

    owners.hear(change_of(sheet.id, 2, "note"))
    assert owners.reviews_of(work) == []


def test_an_overdue_review_goes_one_role_up_and_both_may_decide_it(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    work, one = asked
    run_out(owners, one)
    with owners.downstream.work(actor.system("downstream")) as unit:
        escalating.escalate_due(unit)

    (late,) = owners.reviews_of(work)
    assert (late.responsible_role, late.content.escalated_from) == (
        Role.BRANCH_MANAGER,
        (Role.OPTICIAN,),
    )
    assert late.content.due_at > clock.now()
    assert owners.decide(late, Decision.ADOPT, OPTICIAN).state == "closed"


def test_a_delegate_may_decide_for_an_owner_who_is_away(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    _work, one = asked
    assert owners.decide(one, Decision.ADOPT, MANAGER).state == "closed"


def test_reviews_are_found_by_role_at_the_branch_and_when_they_are_overdue(
    owners: TwoOwners, asked: tuple[Record[Work], Record[Review]]
) -> None:
    _work, one = asked
    at_branch = replace(OPTICIAN, scope=Scope.OWN_BRANCH)
    elsewhere = replace(at_branch, branch_id=OPTOMETRIST.branch_id)

    assert one.id in listed(owners, at_branch)
    assert one.id not in listed(owners, elsewhere)
    assert one.id not in listed(owners, replace(at_branch, roles=frozenset({Role.CASHIER})))
    assert one.id not in listed(owners, at_branch, Worklist.OVERDUE)
    run_out(owners, one)
    assert one.id in listed(owners, at_branch, Worklist.OVERDUE)
    assert one.id not in listed(owners, at_branch, Worklist.MINE)


def test_no_schedule_leaves_a_change_without_its_review(owners: TwoOwners) -> None:
    """Relying on a sheet races with hearing of its change, in either order and at once."""
    for _run in range(60):
        sheet = owners.sign(-200)
        made: list[Record[Work]] = []

        def rely(sheet: Record[Sheet] = sheet, made: list[Record[Work]] = made) -> None:
            try:
                made.append(owners.release(sheet))
            except PinOutdated:
                return

        def hear(sheet: Record[Sheet] = sheet) -> None:
            owners.hear(change_of(sheet.id, 2, "power"))

        together(rely, hear)
        for work in made:
            assert len(owners.reviews_of(work)) == 1


def test_a_gate_and_an_event_at_the_same_moment_open_one_review(owners: TwoOwners) -> None:
    for _run in range(20):
        sheet = owners.sign(-200)
        work = owners.release(sheet)
        owners.amend(sheet.id, power=-225)

        def press(work: Record[Work] = work) -> None:
            with pytest.raises(StalePins):
                owners.start(work.id)

        def hear(sheet: Record[Sheet] = sheet) -> None:
            owners.hear(change_of(sheet.id, 2, "power"))

        together(press, hear, press)
        assert len(owners.reviews_of(work)) == 1


def finish(owners: TwoOwners, work: Record[Work]) -> None:
    with owners.downstream.work(EDGER) as unit:
        unit.records.move(unit.records.get(WORK, work.id), "finish", nobody_next=True)


def run_out(owners: TwoOwners, one: Record[Review]) -> None:
    """Let the time of a review be over."""
    with owners.downstream.work(EDGER) as unit:
        unit.connection.execute(
            review.update()
            .where(review.c.id == as_uuid(one.id))
            .values(due_at=clock.now() - timedelta(minutes=1))
        )


def listed(owners: TwoOwners, who: Actor, worklist: Worklist | None = None) -> set[str]:
    with owners.downstream.snapshot() as connection:
        page = worklists.reviews(connection, who, worklist, page_size=200, page_token="")
    return {one.id for one in page.rows}


def closed_as(owners: TwoOwners, one: Record[Review]) -> tuple[Decision | None, str]:
    """Return how a review was closed: the decision, and the reason code of the last change."""
    with owners.downstream.snapshot() as connection:
        found: Record[Review] = worklists.record_at(connection, one.id)
        reason = connection.execute(
            text(
                "SELECT body::jsonb #>> '{change,reason_code}' FROM history"
                " WHERE record_id = :id ORDER BY revision DESC LIMIT 1"
            ),
            {"id": as_uuid(one.id)},
        ).scalar_one()
    assert found.state == "closed"
    return found.content.decision, reason


def together(*runs: Callable[[], None]) -> None:
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_work_that_stands_afresh_while_it_is_being_asked_about_is_not_held_by_the_question(
    owners: TwoOwners,
) -> None:
    older = owners.sign(-200)
    work = owners.release(older, "power")
    newer = owners.supersede(older.id, power=-225)

    def rest_on_the_newer() -> None:
        with owners.downstream.work(EDGER) as unit:
            held = unit.records.get(WORK, work.id)
            unit.records.move(held, "redo", relies_on=[pin(newer, "power")])

    moving = threading.Thread(target=rest_on_the_newer)
    ended = replace(change_of(older.id, older.version), what=ChangeKind.SUPERSEDED)
    with owners.downstream.work(actor.system("downstream")) as unit:
        reviewing.open_for(unit.records, reviewing.heard(ended))
        moving.start()
        moving.join(1.0)
    moving.join()

    assert owners.reviews_of(work) == []


def test_work_that_stood_afresh_before_it_was_asked_about_is_not_asked(owners: TwoOwners) -> None:
    older = owners.sign(-200)
    work = owners.release(older, "power")
    newer = owners.supersede(older.id, power=-225)
    ended = replace(change_of(older.id, older.version), what=ChangeKind.SUPERSEDED)
    hearing = threading.Thread(target=owners.hear, args=[ended])

    with owners.downstream.work(EDGER) as unit:
        held = unit.records.get(WORK, work.id)
        unit.records.move(held, "redo", relies_on=[pin(newer, "power")])
        hearing.start()
        hearing.join(1.0)
    hearing.join()

    assert owners.reviews_of(work) == []


def test_work_that_is_finished_while_it_is_being_asked_about_leaves_no_question(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    finishing = threading.Thread(target=finish, args=[owners, work])
    with owners.downstream.work(actor.system("downstream")) as unit:
        changed = reviewing.heard(change_of(sheet.id, 2, "power"))
        reviewing.open_for(unit.records, changed)
        finishing.start()
        finishing.join(1.0)
    finishing.join()

    assert owners.reviews_of(work) == []


def test_who_judged_an_amendment_has_not_judged_the_end_that_came_meanwhile(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, power=-225)
    owners.tell()
    (one,) = owners.reviews_of(work)
    check = owners.check

    def revoked_after_the_answer(pins: object) -> object:
        answer = check(pins)  # type: ignore[arg-type]  # as it was asked
        owners.revoke(sheet.id)
        owners.tell()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owners, "check", revoked_after_the_answer)
        owners.decide(one, Decision.ADOPT, OPTICIAN)

    (left,) = owners.reviews_of(work)
    assert left.content.is_void
