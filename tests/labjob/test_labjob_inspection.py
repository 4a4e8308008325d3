"""The inspection: measured readings against verification power and ordered centration, never by a
maker. Vectors of the trade (Q1 to Q10) go through the real RPC."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chain import Chain, Person
from chassis.errors import DomainError
from chassis.ids import new_id, prefix_of
from chassis.records.envelope import Record
from chassis.roles import Role
from labjob.job import JOB, FrameOrigin, Job
from labjob.lens import Centration, EyeCentration, OrderedPair, VerificationPower
from labjob.making import STATION_EVENT, StationEvent
from labjob.slip_number import slip_number
from labjob.station import Station
from optichain.labjob.v1 import inspection_pb2, job_pb2, lens_pb2
from optichain.labjob.v1 import labjob_service_pb2 as pb

STATIONS = (Station.TRACING, Station.PICKING, Station.BLOCKING, Station.EDGING, Station.ASSEMBLY)
PASSED = inspection_pb2.LOOKED_OVER_PASSED
Power = tuple[int, int, int | None]

GB, ANSI = "iso-21987-gb-13511.1-2011", "ansi-z80.1-2015"


def found(amount: int | None) -> lens_pb2.MeasuredValue:
    """Return what was measured; None for not measured."""
    if amount is None:
        return lens_pb2.MeasuredValue(state=lens_pb2.MEASURED_STATE_NOT_MEASURED)
    return lens_pb2.MeasuredValue(state=lens_pb2.MEASURED_STATE_MEASURED, amount=amount)


def lens(sphere: int | None, cylinder: int | None, axis: int | None) -> lens_pb2.MeasuredLens:
    return lens_pb2.MeasuredLens(
        sphere_centidioptres=found(sphere),
        cylinder_centidioptres=found(cylinder),
        axis_degrees=found(axis),
    )


def centre(distance: int | None, height: int | None) -> lens_pb2.MeasuredEyeCentration:
    return lens_pb2.MeasuredEyeCentration(
        monocular_distance_micrometres=found(distance), height_micrometres=found(height)
    )


class Inspection:
    """A lab with jobs ready to be inspected, and what an inspector does with them."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.inspector: Person = chain.person(Role.QC_INSPECTOR)
        chain.qualify(self.inspector, "inspection")
        self._number = 0

    def job(
        self,
        ordered: Power,
        *,
        tolerance_set: str = GB,
        maker: Person | None = None,
        **more: Any,
    ) -> str:
        """Return a job of two such lenses, 31 mm from the nose line each, made and waiting."""
        sphere, cylinder, axis = ordered
        power = VerificationPower(
            sphere_centidioptres=sphere, cylinder_centidioptres=cylinder, axis_degrees=axis
        )
        side = EyeCentration(monocular_distance_micrometres=31_000)
        self._number += 1
        content = Job(
            slip_number=slip_number(date(2026, 11, 22), self._number),
            order_id=new_id("ord"),
            lab_id=self.inspector.branch_id,
            prescription_id=new_id("rx"),
            lens_specification_id=new_id("lsp"),
            frame_selection_id=new_id("fsl"),
            fitting_measurement_id=new_id("fmm"),
            lens_design="single_vision",
            ordered=OrderedPair(od=power, os=power, centration=Centration(od=side, os=side)),
            frame_origin=FrameOrigin.OWN,
            frame_product_id="",
            lens_product_id=new_id("prd"),
            reserved_lenses=(),
            route="stock_lens",
            route_edition="1",
            stations=STATIONS,
            tolerance_set=tolerance_set,
            tolerance_policy_edition="1",
            promised_on=date(2026, 12, 1),
            remake_of_id="",
            terms_id=new_id("trm"),
            terms_version=1,
            warranty_days=365,
            collect_at_id=new_id("br"),
            done_stations=more.pop("done_stations", STATIONS),
            **more,
        )
        with self.chain.work("labjob", self.inspector.actor) as work:
            job = work.records.add(JOB, content, state="assembly", case_id=new_id("case"))
        if maker is not None:
            self._worked(job, maker)
        return job.id

    def _worked(self, job: Record[Job], maker: Person) -> None:
        event = StationEvent(
            job_id=job.id,
            station=Station.ASSEMBLY,
            job_version=1,
            machine="",
            started_at=job.recorded_at,
        )
        with self.chain.work("labjob", maker.actor) as work:
            work.records.add(STATION_EVENT, event, case_id=job.case_id)

    def start(self, job_id: str, by: Person | None = None) -> job_pb2.Job:
        request = pb.StartInspectionRequest(job_id=job_id)
        answer = self.chain.ask(request, pb.StartInspectionResponse, as_=by or self.inspector)
        return answer.job

    def record(
        self, job_id: str, measured: lens_pb2.MeasuredPair, by: Person | None = None, **said: Any
    ) -> pb.RecordQcResultResponse:
        looked = {"surface": PASSED, "mounting": PASSED} | said
        request = pb.RecordQcResultRequest(job_id=job_id, measured=measured, **looked)
        return self.chain.ask(request, pb.RecordQcResultResponse, as_=by or self.inspector)

    def judge(self, job_id: str, measured: lens_pb2.MeasuredPair, **said: Any) -> Any:
        """Inspect a job from its start; returns the result."""
        self.start(job_id)
        return self.record(job_id, measured, **said).qc_result

    def pair(
        self,
        od: lens_pb2.MeasuredLens,
        os: lens_pb2.MeasuredLens | None = None,
        distances: tuple[int | None, int | None] = (31_000, 31_000),
        heights: tuple[int | None, int | None] = (19_000, 19_000),
    ) -> lens_pb2.MeasuredPair:
        return lens_pb2.MeasuredPair(
            od=od,
            os=os or od,
            od_centration=centre(distances[0], heights[0]),
            os_centration=centre(distances[1], heights[1]),
        )

    def refusal(self, what: Any, *args: Any, **said: Any) -> DomainError:
        with pytest.raises(DomainError) as refused:
            what(*args, **said)
        return refused.value


@pytest.fixture
def lab(chain: Chain) -> Inspection:
    chain.serve("labjob")
    return Inspection(chain)


VECTORS: tuple[tuple[str, Power, Power, bool, bool], ...] = (
    ("Q1", (-300, -125, 180), (-310, -112, 178), False, True),
    ("Q2", (-800, 0, None), (-815, 0, None), False, True),
    ("Q3", (200, -50, 90), (205, -40, 84), False, True),
    ("Q4", (-100, -75, 10), (-108, -83, 15), False, True),
    ("Q5", (-750, -225, 20), (-760, -240, 22), False, True),
    ("Q6", (50, -500, 100), (60, -520, 101), False, True),
)


def test_the_powers_of_the_trades_vectors_are_judged_as_their_standards_do(
    lab: Inspection,
) -> None:
    powers = {"sphere_meridian", "cylinder_meridian", "cylinder", "axis"}
    for name, ordered, measured, under_gb, under_ansi in VECTORS:
        for tolerance_set, expected in ((GB, under_gb), (ANSI, under_ansi)):
            job_id = lab.job(ordered, tolerance_set=tolerance_set)
            verdict = lab.judge(job_id, lab.pair(lens(*measured))).verdict
            judged = [one for one in verdict.items if one.name in powers]
            assert judged
            assert all(one.passed for one in judged) is expected, (name, tolerance_set)
            assert (verdict.tolerance_set, verdict.status) == (tolerance_set, "unverified")


def test_centres_too_far_apart_or_at_different_heights_are_found(lab: Inspection) -> None:
    far = lab.pair(lens(-500, 0, None), distances=(32_100, 32_100))  # Q8: 64.2 for 62
    high = lab.pair(lens(-200, 0, None), heights=(19_000, 17_200))  # Q9: 1.8 mm apart
    outcomes = {}
    for name, sphere, measured, item in (
        ("Q8", -500, far, "horizontal_distance"),
        ("Q9", -200, high, "vertical_difference"),
    ):
        for tolerance_set in (GB, ANSI):
            job_id = lab.job((sphere, 0, None), tolerance_set=tolerance_set)
            verdict = lab.judge(job_id, measured).verdict
            [judged] = [one for one in verdict.items if one.name == item]
            outcomes[name, tolerance_set] = judged.passed
    assert outcomes == {
        ("Q8", GB): False,
        ("Q8", ANSI): True,
        ("Q9", GB): True,
        ("Q9", ANSI): False,
    }


@pytest.mark.parametrize("plus", [False, True])
def test_a_reading_in_plus_cylinder_and_an_axis_past_180_are_the_same_lens(
    lab: Inspection, plus: bool
) -> None:
    reading = lens(-425, 125, 89) if plus else lens(-300, -125, 179)
    job = lab.job((-300, -125, 2))  # 3 degrees away, across the half turn
    result = lab.judge(job, lab.pair(reading))
    assert result.passed
    [axis] = [one for one in result.verdict.items if one.name == "axis" and one.eye == 1]
    assert (axis.deviation, axis.limit) == (3, 4)


def test_the_verdict_says_which_edition_judged_and_that_it_had_ended(lab: Inspection) -> None:
    result = lab.judge(lab.job((-300, 0, None)), lab.pair(lens(-300, 0, None)))
    verdict = result.verdict
    assert result.passed
    assert verdict.edition.startswith("GB 13511.1-2011")
    assert (verdict.valid_to, verdict.is_past_validity) == ("2026-02-28", True)
    assert "2025" in verdict.note


def test_what_was_not_measured_fails_and_is_never_zero(lab: Inspection) -> None:
    job_id = lab.job((0, 0, None))
    result = lab.judge(job_id, lab.pair(lens(None, 0, None), lens(0, 0, None)))
    assert not result.passed
    [sphere] = [
        one for one in result.verdict.items if one.name == "sphere_meridian" and not one.passed
    ]
    assert sphere.outcome == inspection_pb2.JUDGED_OUTCOME_NOT_MEASURED
    assert not sphere.HasField("measured")


@pytest.mark.parametrize("place", ["surface", "mounting"])
def test_a_scratch_or_a_loose_lens_fails_a_pair_that_measures_well(
    lab: Inspection, place: str
) -> None:
    job_id = lab.job((-300, 0, None))
    said = {place: inspection_pb2.LOOKED_OVER_FAILED}
    result = lab.judge(job_id, lab.pair(lens(-300, 0, None)), **said)
    assert result.verdict.passed
    assert not result.passed


def test_who_made_the_pair_neither_starts_nor_records_its_inspection(lab: Inspection) -> None:
    maker = lab.chain.person(
        Role.QC_INSPECTOR, Role.LAB_TECHNICIAN, branch_id=lab.inspector.branch_id
    )
    lab.chain.qualify(maker, "inspection")
    job_id = lab.job((-300, 0, None), maker=maker)
    refused = lab.refusal(lab.start, job_id, by=maker)
    assert refused.code == "SEPARATION_OF_DUTIES"
    assert (refused.details["duty"], refused.details["other"]) == ("inspector", "maker")
    assert refused.details["rule"] == "separation_of_duties 1"
    assert prefix_of(refused.details["id"]) == "ste"
    assert maker.id not in str(vars(refused))
    lab.start(job_id)
    measured = lab.pair(lens(-300, 0, None))
    refused = lab.refusal(lab.record, job_id, measured, by=maker)
    assert refused.code == "SEPARATION_OF_DUTIES"
    assert lab.record(job_id, measured).job.envelope.state == "qc_passed"


def test_an_unfinished_pair_is_not_inspected_and_an_inspection_is_begun_first(
    lab: Inspection,
) -> None:
    unfinished = lab.job((-300, 0, None), done_stations=STATIONS[:-1])
    refused = lab.refusal(lab.start, unfinished)
    assert (refused.code, getattr(refused, "missing", ())) == (
        "STATION_NOT_DONE",
        ("station done: assembly",),
    )
    begun = lab.job((-300, 0, None), station_event_id=new_id("ste"))
    assert lab.refusal(lab.start, begun).code == "STATION_UNDER_WAY"
    waiting = lab.job((-300, 0, None))
    measured = lab.pair(lens(-300, 0, None))
    assert lab.refusal(lab.record, waiting, measured).code == "MOVE_FORBIDDEN"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (lens_pb2.MeasuredValue(amount=-300), "measured.od.sphere_centidioptres"),
        (
            lens_pb2.MeasuredValue(state=lens_pb2.MEASURED_STATE_MEASURED),
            "measured.od.sphere_centidioptres",
        ),
        (
            lens_pb2.MeasuredValue(state=lens_pb2.MEASURED_STATE_UNREADABLE, amount=1),
            "measured.od.sphere_centidioptres",
        ),
    ],
)
def test_a_reading_that_contradicts_its_state_is_refused_by_its_place(
    lab: Inspection, value: lens_pb2.MeasuredValue, field: str
) -> None:
    job_id = lab.job((-300, 0, None))
    lab.start(job_id)
    pair = lab.pair(lens(-300, 0, None))
    pair.od.sphere_centidioptres.CopyFrom(value)
    refused = lab.refusal(lab.record, job_id, pair)
    assert [problem.field for problem in getattr(refused, "problems", ())] == [field]


def test_an_axis_beyond_the_half_turn_is_refused_by_its_place(lab: Inspection) -> None:
    job_id = lab.job((-300, -100, 10))
    lab.start(job_id)
    refused = lab.refusal(lab.record, job_id, lab.pair(lens(-300, -100, 190)))
    assert [p.field for p in getattr(refused, "problems", ())] == ["measured.od.axis_degrees"]
