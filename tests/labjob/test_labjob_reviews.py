"""A prescription changes under jobs: each branch is asked, nothing is cut meanwhile, and what is
decided is carried out."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import NotPermitted
from chassis.records.changes import ChangeKind
from chassis.records.pins import StalePins
from chassis.roles import Role
from optichain.labjob.v1 import job_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb
from optichain.record.v1 import record_service_pb2 as records
from optichain.record.v1 import review_pb2

EDGING = job_pb2.STATION_EDGING
UNTIL_EDGING = (job_pb2.STATION_TRACING, job_pb2.STATION_PICKING, job_pb2.STATION_BLOCKING)
ADOPT, KEEP, REWORK, CANCEL = (
    review_pb2.REVIEW_DECISION_ADOPT,
    review_pb2.REVIEW_DECISION_KEEP,
    review_pb2.REVIEW_DECISION_REWORK,
    review_pb2.REVIEW_DECISION_CANCEL,
)


def amended(bench: Any) -> review_pb2.Review:
    """Correct the axis, let labjob hear of it, and return the review that the optician finds."""
    bench.amend_axis(90)
    bench.chain.hears("labjob", bench.rx.id, 2, "od")
    (one,) = waiting(bench, Role.OPTICIAN)
    return one


def waiting(bench: Any, role: Role) -> list[review_pb2.Review]:
    answer = bench.chain.ask(
        records.ListReviewsRequest(),
        records.ListReviewsResponse,
        as_=bench.person(role),
        of="labjob",
    )
    return list(answer.reviews)


def decide(bench: Any, one: review_pb2.Review, decision: Any, role: Role, **said: Any) -> Any:
    live: Any = bench.chain.ask(
        records.GetReviewRequest(review_id=one.envelope.id),
        records.GetReviewResponse,
        as_=bench.person(role),
        of="labjob",
    ).review
    request = pb.DecideReviewRequest(
        review_id=one.envelope.id,
        revision=live.envelope.revision,
        decision=decision,
        **({"judged_version": one.version, "reason": "looked at it with her"} | said),
    )
    return bench.ask(role, request, pb.DecideReviewResponse).review


def respecify(bench: Any) -> None:
    """Make the order lawful again after a change of power."""
    bench.specify()
    bench.hold_stock()
    bench.quote()
    bench.approve()
    bench.commit_stock()


def test_the_optician_is_asked_about_the_job_and_sees_what_changed(bench: Any) -> None:
    bench.take_to_lab()
    one = amended(bench)
    assert (one.holder_id, one.record_id, one.version) == (bench.job_id, bench.rx.id, 2)
    assert list(one.fields) == ["od"]
    assert list(one.allowed) == [ADOPT, KEEP, CANCEL, REWORK]
    assert one.envelope.branch_id == bench.shop_id


def test_nobody_is_asked_about_a_job_whose_prescription_expired_while_it_is_made(
    bench: Any,
) -> None:
    bench.take_to_lab()
    bench.expire_prescription()
    assert waiting(bench, Role.OPTICIAN) == []
    bench.work_stations(*UNTIL_EDGING)
    assert bench.start(EDGING).job.is_cut

    bench.chain.hears("labjob", bench.rx.id, 2, what=ChangeKind.REVOKED)
    (one,) = waiting(bench, Role.OPTICIAN)
    assert one.holder_id == bench.job_id


def test_adopting_a_correction_ends_when_the_job_was_derived_from_it(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    one = amended(bench)
    adopted = decide(bench, one, ADOPT, Role.OPTICIAN)
    assert list(adopted.to_redo) == ["specify lens", "quote anew", "approve anew", "revise job"]
    assert isinstance(bench.refusal(lambda: bench.start(EDGING)), StalePins)

    respecify(bench)
    revision = bench.job().envelope.revision
    request = pb.ReviseJobRequest(job_id=bench.job_id, revision=revision, reason="corrected axis")
    bench.ask(Role.OPTICIAN, request, pb.ReviseJobResponse)
    assert waiting(bench, Role.OPTICIAN) == []


def test_keeping_the_old_axis_takes_the_manager_and_lets_the_edger_go_on(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    one = amended(bench)
    decide(bench, one, KEEP, Role.OPTICIAN)
    assert isinstance(bench.refusal(lambda: bench.start(EDGING)), StalePins)
    (asked,) = waiting(bench, Role.BRANCH_MANAGER)
    assert asked.envelope.state == "awaiting_approval"

    assert decide(bench, asked, KEEP, Role.BRANCH_MANAGER).envelope.state == "closed"
    assert bench.start(EDGING).job.is_cut


def test_a_pair_that_is_cut_is_condemned_and_waits_to_be_made_again(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING, EDGING)
    one = amended(bench)
    reworked = decide(bench, one, REWORK, Role.OPTICIAN)

    assert list(reworked.to_redo)[-1] == "remake job"
    job = bench.job()
    assert (job.envelope.state, job.envelope.held_at_id) == ("qc_failed", bench.lab_id)


def test_nothing_is_condemned_while_a_station_is_under_way(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.start(EDGING)
    one = amended(bench)
    refused = bench.refusal(lambda: decide(bench, one, REWORK, Role.OPTICIAN))
    assert refused.code == "STATION_UNDER_WAY"


def test_a_job_that_is_given_up_is_told_and_asks_nobody_any_more(bench: Any) -> None:
    bench.take_to_lab()
    one = amended(bench)
    decide(bench, one, CANCEL, Role.OPTICIAN)

    assert bench.job().envelope.state == "cancelled"
    [told] = bench.told("JobCancelled")
    assert told.job_id == bench.job_id
    assert waiting(bench, Role.OPTICIAN) == []


def test_a_decision_needs_the_role_the_branch_and_the_live_version(bench: Any) -> None:
    bench.take_to_lab()
    one = amended(bench)
    stranger = pb.DecideReviewRequest(
        review_id=one.envelope.id,
        revision=one.envelope.revision,
        decision=ADOPT,
        judged_version=one.version,
    )
    elsewhere = bench.refusal(
        lambda: bench.ask(Role.OPTICIAN, stranger, pb.DecideReviewResponse, bench.lab_id)
    )
    assert elsewhere.code == "WRONG_BRANCH"
    clerk = bench.refusal(lambda: decide(bench, one, ADOPT, Role.LAB_CLERK))
    assert (type(clerk).__mro__[1], clerk.code) == (NotPermitted.__mro__[1], "NOT_THE_REVIEWER")

    bench.amend_axis(95)
    late = bench.refusal(lambda: decide(bench, one, ADOPT, Role.OPTICIAN))
    assert late.code == "JUDGED_VERSION_OUTDATED"


@pytest.mark.parametrize("decision", [ADOPT, KEEP, REWORK])
def test_who_decides_while_the_owner_of_the_change_is_away_is_refused(
    bench: Any, decision: Any
) -> None:
    bench.take_to_lab()
    one = amended(bench)
    bench.chain.stop("clinical")
    try:
        refused = bench.refusal(lambda: decide(bench, one, decision, Role.OPTICIAN))
    finally:
        bench.chain.serve("clinical")
    assert refused.code == "UNAVAILABLE"
    assert [still.envelope.state for still in waiting(bench, Role.OPTICIAN)] == ["open"]


def test_a_job_that_is_kept_as_it_is_is_not_accepted_while_its_order_is_quoted_anew(
    bench: Any,
) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    bench.quote()
    assert isinstance(bench.refusal(bench.accept), StalePins)
    while open_reviews := waiting(bench, Role.OPTICIAN):
        for one in open_reviews:
            decide(bench, one, KEEP, Role.OPTICIAN)
    for one in waiting(bench, Role.BRANCH_MANAGER):
        decide(bench, one, KEEP, Role.BRANCH_MANAGER)

    refused = bench.refusal(bench.accept)

    assert refused.code == "ORDER_NOT_OPEN"
    assert refused.details["state"] == "quoted"
    assert bench.job().envelope.state == "released"
    assert not bench.told("JobAccepted")
