"""The law of the lab without a lab: routes, transitions, slip numbers, reasons."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import labjob
from chassis.errors import Invalid
from chassis.records.kinds import MoveForbidden
from labjob.job import ENDED, JOB
from labjob.reason import FaultSide, check_fault
from labjob.slip_number import check_slip_number, slip_number
from labjob.station import (
    JobPart,
    NoRoute,
    Route,
    Station,
    StationNotDone,
    StationNotNext,
    done_before,
    done_without,
    next_station,
    require_all_done,
    require_next,
)
from optics.tolerance import tolerance_set_names

RULES = Path(str(labjob.__file__)).parent / "rules"


def rule(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((RULES / f"{name}.yaml").read_text())["body"]
    return found


ROUTES = rule("routes")
STOCK = Route.choose("stock", edition="1", body=ROUTES).stations
SURFACED = Route.choose("made_to_order", edition="1", body=ROUTES).stations


def test_a_stock_lens_has_neither_surfacing_nor_coating_and_a_made_one_has_both() -> None:
    assert STOCK == (
        Station.TRACING,
        Station.PICKING,
        Station.BLOCKING,
        Station.EDGING,
        Station.ASSEMBLY,
    )
    assert set(SURFACED) - set(STOCK) == {Station.SURFACING, Station.COATING}
    with pytest.raises(NoRoute):
        Route.choose("moulded", edition="1", body=ROUTES)


@pytest.mark.parametrize("route", [STOCK, SURFACED])
def test_only_the_next_station_of_a_route_may_start(route: tuple[Station, ...]) -> None:
    for count in range(len(route) + 1):
        done = route[:count]
        for station in Station:
            if next_station(route, done) is station:
                require_next(route, done, station)
            else:
                with pytest.raises(StationNotNext):
                    require_next(route, done, station)
    require_all_done(route, route)
    with pytest.raises(StationNotDone) as refused:
        require_all_done(route, route[:-1])
    assert refused.value.missing == ("station done: assembly",)


@given(st.permutations(list(STOCK)))
def test_whatever_order_is_tried_the_stations_are_done_in_the_order_of_the_route(
    tried: list[Station],
) -> None:
    done: list[Station] = []
    for _ in STOCK:
        for station in tried:
            try:
                require_next(STOCK, done, station)
            except StationNotNext:
                continue
            done.append(station)
    assert tuple(done) == STOCK


def test_surfacing_and_edging_alone_cannot_be_undone() -> None:
    assert {s for s in Station if s.is_irreversible} == {Station.SURFACING, Station.EDGING}


def test_a_broken_lens_undoes_what_was_done_on_lenses_and_a_broken_frame_the_tracing() -> None:
    works_on = ROUTES["works_on"]
    assert done_without(STOCK, [JobPart.LENS_OD], works_on) == (Station.TRACING,)
    assert done_without(STOCK, [JobPart.FRAME], works_on) == (
        Station.PICKING,
        Station.BLOCKING,
        Station.EDGING,
    )
    assert set(works_on) == {station.value for station in Station}


def test_going_back_to_a_station_keeps_what_lies_before_it_and_no_other_route_is_taken() -> None:
    assert done_before(STOCK, STOCK, Station.EDGING) == STOCK[:3]
    with pytest.raises(Invalid) as refused:
        done_before(STOCK, STOCK, Station.SURFACING)
    assert refused.value.code == "STATION_NOT_ON_ROUTE"


def test_the_table_lets_a_job_go_its_way_and_no_other() -> None:
    path = {
        "released": "accept",
        "accepted": "start_tracing",
        "tracing": "start_picking",
        "picking": "start_blocking",
        "blocking": "start_edging",
        "edging": "start_assembly",
        "assembly": "start_inspection",
        "inspecting": "pass_inspection",
        "qc_passed": "ship",
        "shipped": "take",
        "in_transit": "receive",
        "received": "check",
        "branch_checked": "mark_ready",
        "ready": "collect",
    }
    order = [*path, "collected"]
    for state, verb in path.items():
        assert JOB.transitions.after(state, verb) == order[order.index(state) + 1]
    forward = {"accept", "pass_inspection", "ship", "check", "mark_ready", "collect"}
    for state in order:
        for verb in forward - {path.get(state)}:
            with pytest.raises(MoveForbidden):
                JOB.transitions.after(state, verb)


def test_a_pair_that_failed_at_the_branch_is_repaired_made_again_held_or_given_up() -> None:
    into = {v for v, table in JOB.transitions.moves.items() if "branch_failed" in table.values()}
    assert into == {"receive_failed", "fail_check", "resume_branch_failed"}
    lawful = {v for v, table in JOB.transitions.moves.items() if "branch_failed" in table}
    assert lawful == {"send_back", "remake", "hold", "cancel"}


def test_nothing_happens_to_a_job_that_has_ended() -> None:
    for verb in JOB.transitions.moves:
        for state in ENDED:
            with pytest.raises(MoveForbidden):
                JOB.transitions.after(state, verb)


def test_a_cut_pair_is_never_shipped_uninspected() -> None:
    before_shipping = JOB.transitions.moves["ship"]
    assert list(before_shipping) == ["qc_passed"]
    into_passed = [v for v, table in JOB.transitions.moves.items() if "qc_passed" in table.values()]
    assert sorted(into_passed) == ["pass_inspection", "resume_qc_passed"]


@given(st.dates(date(2026, 1, 1), date(2099, 12, 31)), st.integers(1, 10**8))
def test_a_slip_number_reads_back_and_one_wrong_digit_is_caught(on: date, number: int) -> None:
    slip = slip_number(on, number)
    assert check_slip_number("slip_number", slip.replace("-", " ")) == slip
    for place, digit in enumerate(slip):
        if digit.isdigit():
            other = str((int(digit) + 1) % 10)
            with pytest.raises(Invalid) as refused:
                check_slip_number("slip_number", slip[:place] + other + slip[place + 1 :])
            assert refused.value.code == "SLIP_NUMBER_MISTYPED"


@pytest.mark.parametrize("typed", ["", "abc", "26-00001-x", "٢٦-٠٠٠٠٠١-٠", "1"])
def test_what_is_no_slip_number_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        check_slip_number("slip_number", typed)


def test_every_reason_names_sides_and_an_unusual_side_is_refused() -> None:
    tables = rule("reasons")
    for known in tables.values():
        for code, sides in known.items():
            assert sides
            for side in sides:
                check_fault(known, code, FaultSide(side))
    with pytest.raises(Invalid) as unusual:
        check_fault(tables["reasons"], "RX_CHANGE", FaultSide.LAB)
    assert unusual.value.code == "FAULT_SIDE_UNUSUAL"
    with pytest.raises(Invalid) as unknown:
        check_fault(tables["reasons"], "BAD_LUCK", FaultSide.LAB)
    assert unknown.value.code == "REASON_UNKNOWN"


def test_the_policy_names_sets_that_exist_and_says_that_they_are_unverified() -> None:
    policy = rule("tolerance_policy")
    assert set(policy["sets"].values()) <= set(tolerance_set_names())
    assert policy["status"] == "unverified"
    assert "2026-02-28" in policy["note"]
