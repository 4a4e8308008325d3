"""Something went off plan: the issue has an owner and a time, and nobody ticks it off before what
must be true is true in the live records of every service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message as Protobuf
from sqlalchemy import select, update

from chassis import clock
from chassis.actor import system
from chassis.ids import as_uuid, new_id
from chassis.records import escalating
from chassis.records.tables import issue as issue_table
from chassis.records.tables import outbox
from chassis.roles import Role
from counter import Counter
from labjob_bench import STATIONS, UNTIL_EDGING
from optichain.auth.v1 import role_pb2
from optichain.customer.v1 import contact_pb2, message_pb2
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.labjob.v1 import job_pb2
from optichain.record.v1 import condition_pb2, events_pb2, issue_pb2
from optichain.record.v1 import issue_service_pb2 as pb
from optichain.record.v1 import record_service_pb2 as records

R = TypeVar("R", bound=Protobuf)

_ALL = condition_pb2.CONDITION_TYPE_ALL
_ANY = condition_pb2.CONDITION_TYPE_ANY
_QC = condition_pb2.CONDITION_TYPE_QC_PASSED_AGAINST_LIVE
_STATE = condition_pb2.CONDITION_TYPE_RECORD_IN_STATE
_REFUND = condition_pb2.CONDITION_TYPE_REFUND_POSTED
_INFORMED = condition_pb2.CONDITION_TYPE_CUSTOMER_INFORMED
_EVIDENCE = condition_pb2.CONDITION_TYPE_EVIDENCE_PRESENT
_REVIEW = condition_pb2.CONDITION_TYPE_REVIEW_DECIDED


def ask(bench: Any, role: Role, request: Any, response: type[R]) -> R:
    """Ask labjob, also for what every service serves."""
    answer: R = bench.chain.ask(request, response, as_=bench.person(role), of="labjob")
    return answer


def condition(type: Any, **said: Any) -> condition_pb2.Condition:
    return condition_pb2.Condition(type=type, **said)


def about(bench: Any, type: Any, **said: Any) -> condition_pb2.Condition:
    """A condition on the job."""
    return condition(type, record_id=bench.job_id, record_kind="labjob.job", **said)


def opened(bench: Any, of: condition_pb2.Condition, **said: Any) -> issue_pb2.Issue:
    request = pb.OpenIssueRequest(
        **{
            "type": "other",
            "summary": "the coating shows a mark",
            "case_id": bench.case_id,
            "condition": of,
            **said,
        }
    )
    issue: issue_pb2.Issue = ask(bench, Role.OPTICIAN, request, pb.OpenIssueResponse).issue
    return issue


def close(bench: Any, issue: issue_pb2.Issue, role: Role = Role.BRANCH_MANAGER) -> issue_pb2.Issue:
    request = pb.CloseIssueRequest(
        issue_id=issue.envelope.id, revision=issue.envelope.revision, outcome="made good"
    )
    closed: issue_pb2.Issue = ask(bench, role, request, pb.CloseIssueResponse).issue
    return closed


def missing(bench: Any, issue: issue_pb2.Issue) -> tuple[str, ...]:
    refused = bench.refusal(lambda: close(bench, issue))
    assert refused.code == "CONDITION_UNMET", refused
    return tuple(refused.missing)


def test_an_issue_waits_for_the_role_of_its_type_at_its_branch_with_a_time(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    link = issue_pb2.Link(
        kind=issue_pb2.LINK_KIND_APPROVAL,
        record_id=bench.order_id,
        record_kind="billing.order",
    )
    issue = opened(bench, about(bench, _QC), links=[link], type="warranty_remake")

    assert issue.envelope.responsible_role == role_pb2.ROLE_OPTICIAN
    assert issue.envelope.branch_id == bench.shop_id
    assert issue.due_at.ToDatetime() > issue.envelope.recorded_at.ToDatetime()
    assert issue.envelope.closure.condition == "qc_passed_against_live()"
    assert (issue.links[0].record_id, issue.links[0].version) == (bench.order_id, 1)
    for role, expected in ((Role.OPTICIAN, 1), (Role.CASHIER, 0)):
        found = ask(bench, role, records.ListIssuesRequest(), records.ListIssuesResponse)
        assert len(found.issues) == expected
    of_case = records.ListCaseIssuesRequest(case_id=bench.case_id)
    found = ask(bench, Role.CASHIER, of_case, records.ListCaseIssuesResponse)
    assert [one.envelope.id for one in found.issues] == [issue.envelope.id]


def test_it_is_not_closed_before_the_pair_passed_and_not_once_the_power_has_changed(
    bench: Any,
) -> None:
    bench.take_to_lab()
    issue = opened(bench, about(bench, _QC))
    assert missing(bench, issue) == (f"{bench.job_id} was not inspected",)

    bench.work_stations(*STATIONS)
    bench.inspect()
    bench.amend_axis(90)
    [text] = missing(bench, issue)
    assert bench.rx.id in text
    assert "amended" in text


def test_a_pair_that_passed_closes_it_and_what_was_found_is_kept(bench: Any) -> None:
    bench.make()
    bench.inspect()
    issue = opened(bench, about(bench, _QC))

    closed = close(bench, issue)

    assert closed.envelope.state == "closed"
    assert closed.envelope.closure.closed_by
    [finding] = closed.findings
    assert finding.holds
    assert finding.record_id == bench.job_id
    assert bench.rx.id in {pin.record_id for pin in finding.pins}
    gone = ask(bench, Role.BRANCH_MANAGER, records.ListIssuesRequest(), records.ListIssuesResponse)
    assert not gone.issues
    again = bench.refusal(lambda: close(bench, closed))
    assert again.code == "MOVE_FORBIDDEN"


def test_all_wants_each_and_any_wants_one_across_services(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    order = {"record_id": bench.order_id, "record_kind": "billing.order"}
    confirmed = condition(_STATE, states=["confirmed"], **order)
    at_lab = about(bench, _STATE, states=["accepted"])

    both = opened(bench, condition(_ALL, conditions=[confirmed, at_lab]))
    assert missing(bench, both) == (f"{bench.job_id} is released, not accepted",)
    one_of = opened(bench, condition(_ANY, conditions=[confirmed, at_lab]))
    assert [f.holds for f in close(bench, one_of).findings] == [True, False]


def test_money_that_was_not_given_back_keeps_it_open(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    order = {"record_id": bench.order_id, "record_kind": "billing.order"}
    issue = opened(bench, condition(_REFUND, amount_minor=100, **order))
    assert missing(bench, issue) == (
        f"100 minor units more must be given back on {bench.order_id}",
    )


def test_evidence_that_is_not_there_keeps_it_open_until_it_is_added(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    issue = opened(bench, condition(_EVIDENCE), type="coating_defect")
    assert missing(bench, issue)

    request = pb.AddToIssueRequest(
        issue_id=issue.envelope.id, revision=1, object_keys=[bench.upload("labjob")]
    )
    issue = ask(bench, Role.OPTICIAN, request, pb.AddToIssueResponse).issue
    assert close(bench, issue, Role.OPTICIAN).findings[0].record_id == issue.envelope.id


def test_a_customer_who_was_told_nothing_keeps_it_open(bench: Any) -> None:
    bench.chain.serve("customer")
    counter = Counter(bench.chain, bench.person(Role.RECEPTION))
    bench.customer_id = counter.id_of()
    bench.order_glasses()
    bench.release()
    of = condition(_INFORMED, record_id=bench.customer_id, record_kind="customer.person")
    issue = opened(bench, of, type="complaint", customer_id=bench.customer_id)
    [text] = missing(bench, issue)
    assert "was told nothing" in text

    elsewhere = new_id("case")
    for case_id, is_told in ((elsewhere, False), (bench.case_id, True)):
        counter.answer_all(bench.customer_id)
        bench.ask(
            Role.RECEPTION,
            customer.RecordMessageRequest(
                customer_id=bench.customer_id,
                purpose=contact_pb2.PURPOSE_ORDER_SERVICE,
                outcome=message_pb2.MESSAGE_OUTCOME_TOLD,
                channel=contact_pb2.CHANNEL_SMS,
                said="we make the pair again",
                case_id=case_id,
            ),
            customer.RecordMessageResponse,
        )
        if not is_told:
            assert missing(bench, issue)
    assert close(bench, issue).envelope.state == "closed"


def test_a_review_that_was_not_decided_keeps_it_open(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.amend_axis(90)
    bench.refusal(lambda: bench.start(job_pb2.STATION_EDGING))
    request = records.ListCaseReviewsRequest(case_id=bench.case_id)
    found = ask(bench, Role.OPTICIAN, request, records.ListCaseReviewsResponse)
    review_id = found.reviews[0].envelope.id
    issue = opened(bench, condition(_REVIEW, record_id=review_id, record_kind="labjob.review"))
    assert missing(bench, issue) == (f"{review_id} is open",)


def test_a_condition_must_ask_something_that_somebody_can_answer(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    unanswerable = [
        (condition(_ALL), "CONDITION_MALFORMED"),
        (condition(_STATE, states=["x"]), "CONDITION_MALFORMED"),
        (about(bench, _STATE), "CONDITION_MALFORMED"),
        (about(bench, _REFUND), "CONDITION_MALFORMED"),
        (condition(_QC, record_id=bench.job_id, record_kind="nowhere.job"), "CONDITION_MALFORMED"),
        (condition(_QC, record_id=new_id("job"), record_kind="labjob.job"), "RECORD_UNKNOWN"),
    ]
    for wrong, reason in unanswerable:
        assert bench.refusal(lambda of=wrong: opened(bench, of)).code == reason
    deep = about(bench, _QC)
    for _ in range(4):
        deep = condition(_ALL, conditions=[deep])
    assert bench.refusal(lambda: opened(bench, deep)).code == "CONDITION_MALFORMED"


def test_a_condition_must_ask_what_its_type_demands(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    passed = about(bench, _QC)
    way_out = condition(_ANY, conditions=[passed, condition(_EVIDENCE)])
    assert bench.refusal(lambda: opened(bench, way_out, type="warranty_remake")).code == (
        "CONDITION_TOO_WEAK"
    )
    assert bench.refusal(lambda: opened(bench, passed, type="bad_mood")).code == (
        "ISSUE_TYPE_UNKNOWN"
    )
    issue = opened(bench, passed, type="warranty_remake")
    amend = pb.AmendIssueConditionRequest(
        issue_id=issue.envelope.id, revision=1, condition=way_out, reason="easier"
    )
    refused = bench.refusal(
        lambda: ask(bench, Role.BRANCH_MANAGER, amend, pb.AmendIssueConditionResponse)
    )
    assert refused.code == "CONDITION_TOO_WEAK"
    amend.condition.CopyFrom(condition(_ALL, conditions=[passed, condition(_EVIDENCE)]))
    amended = ask(bench, Role.BRANCH_MANAGER, amend, pb.AmendIssueConditionResponse).issue
    assert (amended.envelope.version, len(missing(bench, amended))) == (2, 2)


def test_only_its_owner_their_role_or_who_stands_in_closes_it(bench: Any) -> None:
    bench.make()
    bench.inspect()
    issue = opened(bench, about(bench, _QC))  # for the branch manager
    assert bench.refusal(lambda: close(bench, issue, Role.CASHIER)).code == "NOT_THE_OWNER"

    request = pb.AssignIssueRequest(
        issue_id=issue.envelope.id,
        revision=1,
        responsible_role=role_pb2.ROLE_CASHIER,
        reason="it is about the till",
    )
    issue = ask(bench, Role.BRANCH_MANAGER, request, pb.AssignIssueResponse).issue
    assert close(bench, issue, Role.CASHIER).envelope.state == "closed"


def test_an_owner_that_cannot_be_asked_keeps_it_open(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    order = {"record_id": bench.order_id, "record_kind": "billing.order"}
    issue = opened(bench, condition(_STATE, states=["confirmed"], **order))
    bench.chain.stop("billing")
    try:
        assert bench.refusal(lambda: close(bench, issue)).code == "UNAVAILABLE"
    finally:
        bench.chain.serve("billing")


def test_an_overdue_issue_is_brought_one_role_up_visibly(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    issue = opened(bench, about(bench, _QC), type="warranty_remake")
    issue_id = issue.envelope.id
    with bench.chain.work("labjob", system("labjob")) as work:
        late = clock.now() - timedelta(minutes=1)
        table = issue_table
        work.connection.execute(
            update(table).where(table.c.id == as_uuid(issue_id)).values(due_at=late)
        )
        escalating.escalate_due(work)

    request = records.GetIssueRequest(issue_id=issue_id)
    found = ask(bench, Role.OPTICIAN, request, records.GetIssueResponse).issue
    assert found.envelope.responsible_role == role_pb2.ROLE_BRANCH_MANAGER
    assert list(found.escalated_from) == [role_pb2.ROLE_OPTICIAN]
    assert found.due_at.ToDatetime() > issue.due_at.ToDatetime()


def test_whoever_shows_worklists_hears_of_it(bench: Any) -> None:
    bench.make()
    bench.inspect()
    close(bench, opened(bench, about(bench, _QC)))
    told = [one for one in worklists_told(bench) if one.kind == "labjob.issue"]
    assert [one.state for one in told] == ["open", "closed"]
    assert told[1].earlier_role == role_pb2.ROLE_BRANCH_MANAGER


def worklists_told(bench: Any) -> list[events_pb2.WorklistChanged]:
    name = events_pb2.WorklistChanged.DESCRIPTOR.full_name
    with bench.chain.database("labjob").snapshot() as connection:
        statement = select(outbox.c.body).where(outbox.c.type == name).order_by(outbox.c.seq)
        bodies = connection.execute(statement).scalars().all()
    return [events_pb2.WorklistChanged.FromString(bytes(body)) for body in bodies]
