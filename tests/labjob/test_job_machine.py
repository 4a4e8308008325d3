"""A job in random hands: no station is skipped or done twice, nothing is cut on an older
prescription, and what is on hold goes nowhere."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.roles import Role
from labjob_bench import STATIONS
from machines import FEW, outcome, play
from optichain.labjob.v1 import labjob_service_pb2 as pb

SHORT = type(FEW)(FEW, max_examples=5, stateful_step_count=16)


class Jobs(RuleBasedStateMachine):
    """One job at the lab, from its acceptance to its shipment."""

    def __init__(self, bench: Any) -> None:
        super().__init__()
        self.bench = type(bench)(
            bench.chain,
            shop_id=bench.shop_id,
            lab_id=bench.lab_id,
            frame_id=bench.frame_id,
            lens_id=bench.lens_id,
            terms_id=bench.terms_id,
        )
        self.first = bench
        self.done: list[Any] = []
        self.under_way: Any = None
        self.is_stale = self.is_held = self.is_drawn = self.is_passed = False
        self.axis = 90

    @initialize()
    def take_to_lab(self) -> None:
        number = len(self.first.pieces())
        self.first.bring_frames(f"M{number}-1")
        self.bench.order_glasses()
        for eye in (self.bench.rx.content.od, self.bench.rx.content.os):
            self.first.bring_lenses(eye, lot_number=f"LN-M{number}")
        self.bench.release()
        self.bench.tray_to_lab()
        self.bench.accept()

    @rule()
    def draw(self) -> None:
        _, refused = outcome(self.bench.draw)
        if not refused:
            assert not self.is_drawn
            assert not self.is_held
            self.is_drawn = True

    @rule(station=st.sampled_from(STATIONS), is_next=st.booleans())
    def start(self, station: Any, is_next: bool) -> None:
        if is_next and len(self.done) < len(STATIONS):
            station = STATIONS[len(self.done)]
        _, refused = outcome(lambda: self.bench.start(station))
        may = (
            self.under_way is None
            and not self.is_held
            and not self.is_passed
            and len(self.done) < len(STATIONS)
            and station == STATIONS[len(self.done)]
        )
        cuts = station == STATIONS[3]
        may = may and not (cuts and (self.is_stale or not self.is_drawn))
        assert bool(refused) != may, (refused, station, self.done)
        if not refused:
            self.under_way = station

    @rule()
    def finish(self) -> None:
        station = self.under_way or STATIONS[0]
        _, refused = outcome(lambda: self.bench.finish(station))
        may = self.under_way is not None and not self.is_held
        assert bool(refused) != may, refused
        if not refused:
            self.done.append(station)
            self.under_way = None

    @rule()
    def hold(self) -> None:
        request = pb.HoldJobRequest(
            job_id=self.bench.job_id, reason_code="LAB_DELAY", reason="the machine is cleaned"
        )
        ask = self.bench.ask
        _, refused = outcome(
            lambda: ask(Role.LAB_CLERK, request, pb.HoldJobResponse, self.bench.lab_id)
        )
        self.is_held = self.is_held or not refused

    @rule()
    def resume(self) -> None:
        request = pb.ResumeJobRequest(job_id=self.bench.job_id)
        ask = self.bench.ask
        _, refused = outcome(
            lambda: ask(Role.LAB_CLERK, request, pb.ResumeJobResponse, self.bench.lab_id)
        )
        assert bool(refused) != self.is_held, refused
        self.is_held = False

    @rule()
    def correct_the_axis(self) -> None:
        if self.axis > 93:
            return
        self.axis += 1
        self.bench.amend_axis(self.axis)
        self.is_stale = True

    @rule()
    def inspect(self) -> None:
        _, refused = outcome(self.bench.inspect)
        if not refused:
            assert len(self.done) == len(STATIONS)
            self.is_passed = True

    @invariant()
    def the_job_is_where_the_model_says(self) -> None:
        if not self.bench.job_id:
            return
        job = self.bench.job()
        assert list(job.done_stations) == self.done
        assert job.is_cut == (STATIONS[3] in (*self.done, self.under_way))
        assert (job.envelope.state == "on_hold") == self.is_held
        assert bool(job.drawn_lenses) == self.is_drawn


def test_a_job_takes_its_stations_in_order_and_is_cut_on_live_pins_only(bench: Any) -> None:
    play(lambda: Jobs(bench), SHORT)
