"""An older assumption is found before anything is cut: stale pins, lawful revision, and both
schedules of a change that comes while somebody passes a gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import text

from billing.order.order import ORDER
from chassis.actor import system
from chassis.errors import Outdated, Unavailable
from chassis.ids import as_uuid
from chassis.records.pins import StalePins
from chassis.roles import Role
from optichain.labjob.v1 import job_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb

EDGING = job_pb2.STATION_EDGING
UNTIL_EDGING = (job_pb2.STATION_TRACING, job_pb2.STATION_PICKING, job_pb2.STATION_BLOCKING)


def stale(refused: Any) -> Any:
    assert isinstance(refused, StalePins), refused
    return refused.stale


def refusals(bench: Any) -> list[tuple[str, str, str]]:
    """Return what labjob kept of gates that held: gate, kind of holder, role."""
    with bench.chain.database("labjob").snapshot() as connection:
        kept = connection.execute(text("SELECT gate, holder_kind, role FROM refusal")).all()
    return [tuple(row) for row in kept]


def respecify(bench: Any) -> None:
    """Make the order lawful again after a change of power."""
    bench.specify()
    bench.hold_stock()
    bench.quote()
    bench.approve()
    bench.commit_stock()


def revise(bench: Any) -> job_pb2.Job:
    revision = bench.job().envelope.revision
    request = pb.ReviseJobRequest(
        job_id=bench.job_id, revision=revision, reason="approved again after the change"
    )
    job: job_pb2.Job = bench.ask(Role.OPTICIAN, request, pb.ReviseJobResponse).job
    return job


def test_a_prescription_that_was_superseded_after_approval_is_not_released(bench: Any) -> None:
    bench.order_glasses()
    old = bench.rx
    bench.prescribe(od=replace(old.content.od, sphere_centidioptres=-325), supersedes=True)

    refused = bench.refusal(bench.release)
    [pin] = [one for one in stale(refused) if one.pin.record_id == old.id]
    assert (pin.change.what, pin.change.successor_id) == ("superseded", bench.rx.id)
    request = pb.ListJobsRequest(order_id=bench.order_id)
    assert not bench.ask(Role.OPTICIAN, request, pb.ListJobsResponse).jobs
    assert refusals(bench) == [("release job", "billing.order", "optician")]

    bench.bring_lenses(bench.rx.content.od, lot_number="LN-2")
    respecify(bench)
    assert bench.release().ordered.od.sphere_centidioptres == -325


def test_an_axis_amended_while_the_job_waits_stops_the_edger_with_both_values(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.amend_axis(90, reason="axis read off the wrong eye")

    refused = bench.refusal(lambda: bench.start(EDGING))
    [pin] = [one for one in stale(refused) if one.pin.record_id == bench.rx.id]
    assert (pin.pin.settled_version, pin.live_version) == (1, 2)
    [changed] = pin.change.fields
    assert changed.field == "od"
    assert msgspec.json.decode(changed.old_value)["axis_degrees"] == 180
    assert msgspec.json.decode(changed.new_value)["axis_degrees"] == 90
    assert pin.change.reason == "axis read off the wrong eye"
    assert pin.change.changed_by == bench.person(Role.OPTOMETRIST).id
    assert pin.change.changed_at is not None
    assert bench.job().envelope.state == "blocking"
    assert refusals(bench) == [("start station", "labjob.job", "lab_technician")]

    # Neither may the optician revise it before the customer has approved again.
    assert stale(bench.refusal(lambda: revise(bench)))
    respecify(bench)
    job = revise(bench)
    assert (job.envelope.state, job.envelope.version) == ("released", 2)
    assert job.ordered.od.axis_degrees == 90
    assert list(job.done_stations) == [job_pb2.STATION_TRACING]
    assert not job.drawn_lenses
    assert (job.envelope.held_at_id, job.acceptance_id) == (bench.lab_id, "")
    [told] = bench.told("JobRevised")
    assert (told.job_id, told.version) == (bench.job_id, 2)

    assert bench.refusal(lambda: bench.start(EDGING)).code == "MOVE_FORBIDDEN"
    bench.accept()
    bench.draw()
    bench.work_stations(*UNTIL_EDGING[1:])
    old_paper = bench.refusal(lambda: bench.start(EDGING, ticket_version=1))
    assert old_paper.code == "TICKET_OUTDATED"
    assert bench.start(EDGING, ticket_version=2).job.is_cut


def test_a_prescription_that_expired_after_approval_is_not_released(bench: Any) -> None:
    bench.order_glasses()
    bench.expire_prescription()

    refused = bench.refusal(bench.release)
    [pin] = [one for one in stale(refused) if one.pin.record_id == bench.rx.id]
    assert pin.change.what == "expired"


def test_another_job_of_an_order_in_work_needs_a_prescription_in_force(bench: Any) -> None:
    bench.order_glasses()
    with bench.chain.work("billing", system("billing")) as work:
        work.records.begun(work.records.find(ORDER, bench.order_id), "clinical.prescription")
    bench.expire_prescription()
    assert stale(bench.refusal(bench.release))


def test_a_job_released_in_time_is_made_and_collected_after_the_prescription_expired(
    bench: Any,
) -> None:
    bench.order_glasses()
    bench.release()
    bench.expire_prescription()

    bench.tray_to_lab()
    bench.accept()
    bench.draw()
    bench.work_stations(*UNTIL_EDGING, EDGING, job_pb2.STATION_ASSEMBLY)
    bench.inspect()
    bench.ship_back()
    bench.check()
    bench.mark_ready()
    bench.fit()
    bench.collect()

    assert bench.job().envelope.state == "collected"


def test_a_job_released_in_time_still_stops_when_a_new_test_comes_after_the_days_are_over(
    bench: Any,
) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.expire_prescription()
    old = bench.rx
    bench.prescribe(od=replace(old.content.od, sphere_centidioptres=-325), supersedes=True)

    [pin] = [
        one
        for one in stale(bench.refusal(lambda: bench.start(EDGING)))
        if one.pin.record_id == old.id
    ]
    assert (pin.change.what, pin.change.successor_id) == ("superseded", bench.rx.id)


def test_a_note_on_the_prescription_stops_nobody(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING)
    bench.note_on_prescription()

    assert bench.start(EDGING).job.envelope.state == "edging"
    with bench.chain.database("labjob").snapshot() as connection:
        row = connection.execute(
            text(
                "SELECT settled_version, settled_by FROM pin"
                " WHERE record_id = :pinned AND holder_id = :holder"
            ),
            {"pinned": bench.rx.id, "holder": as_uuid(bench.job_id)},
        ).one()
    assert tuple(row) == (2, "system")


def test_a_note_that_labjob_has_heard_of_stops_no_release(bench: Any) -> None:
    bench.order_glasses()
    bench.note_on_prescription()
    bench.chain.hears("labjob", bench.rx.id, 2, "notes")

    assert bench.release().envelope.state == "released"


def test_every_gate_of_a_job_holds_on_a_stale_pin_and_facts_are_recorded_all_the_same(
    bench: Any,
) -> None:
    bench.order_glasses()
    bench.release()
    bench.amend_axis(90)
    bench.tray_to_lab()
    assert stale(bench.refusal(bench.accept))

    bench.amend_axis(180, reason="it was right at first")
    assert stale(bench.refusal(bench.accept))  # what was relied on has changed, twice


def test_a_finished_pair_is_not_shipped_once_its_prescription_was_corrected(bench: Any) -> None:
    bench.make()
    bench.inspect()
    bench.amend_axis(90)
    assert stale(bench.refusal(bench.ship))
    assert bench.job().envelope.state == "qc_passed"


def test_a_pair_that_came_back_is_not_said_to_be_ready_on_an_older_prescription(
    bench: Any,
) -> None:
    bench.make()
    bench.inspect()
    bench.ship_back()
    bench.check()
    bench.prescribe(supersedes=True)
    assert stale(bench.refusal(bench.mark_ready))
    assert bench.job().envelope.state == "branch_checked"


def test_collection_is_refused_when_the_prescription_was_revoked_meanwhile(bench: Any) -> None:
    bench.make_ready()
    bench.fit()
    bench.prescribe(supersedes=True)
    assert stale(bench.refusal(bench.collect))
    assert bench.job().envelope.state == "ready"


def test_an_owner_that_cannot_be_asked_stops_the_gate(bench: Any) -> None:
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()
    bench.chain.stop("clinical")
    try:
        refused = bench.refusal(bench.accept)
    finally:
        bench.chain.serve("clinical")
    assert isinstance(refused, Unavailable)
    assert bench.job().envelope.state == "released"


def test_a_job_that_is_cut_is_not_revised(bench: Any) -> None:
    bench.take_to_lab()
    bench.work_stations(*UNTIL_EDGING, EDGING)
    bench.amend_axis(90)
    respecify(bench)
    assert bench.refusal(lambda: revise(bench)).code == "JOB_IS_CUT"


def test_a_revision_names_the_revision_it_saw(bench: Any) -> None:
    bench.order_glasses()
    seen = bench.release().envelope.revision
    bench.send_tray()
    request = pb.ReviseJobRequest(job_id=bench.job_id, revision=seen, reason="again")
    refused = bench.refusal(lambda: bench.ask(Role.OPTICIAN, request, pb.ReviseJobResponse))
    assert refused.code == "REVISION_OUTDATED"


def test_a_change_heard_first_refuses_the_one_who_pins_the_version_before(bench: Any) -> None:
    """First schedule: the row is raised, then somebody relies on the old version."""
    bench.order_glasses()
    bench.chain.hears("labjob", bench.rx.id, 2, "od")

    refused = bench.refusal(bench.release)
    assert isinstance(refused, Outdated)
    assert refused.code == "PIN_OUTDATED"
    request = pb.ListJobsRequest(order_id=bench.order_id)
    assert not bench.ask(Role.OPTICIAN, request, pb.ListJobsResponse).jobs


def test_whoever_comes_second_sees_the_other_when_a_change_and_a_gate_cross(bench: Any) -> None:
    """Second schedule, with real threads: at most one more gate is passed after the change."""
    bench.order_glasses()
    bench.release()
    bench.tray_to_lab()

    def accept() -> str:
        return str(bench.accept().envelope.state)

    outcome, _ = bench.at_once(accept, lambda: bench.amend_axis(90))
    assert outcome in ("accepted", "PIN_STALE")
    if outcome == "accepted":
        bench.draw()
        bench.work_stations(*UNTIL_EDGING)
        assert stale(bench.refusal(lambda: bench.start(EDGING)))
    else:
        assert stale(bench.refusal(bench.accept))
