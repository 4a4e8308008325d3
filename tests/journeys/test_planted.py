"""The search after a full journey finds what was planted, wherever it lies and however it is
written."""

from __future__ import annotations

import json

import pytest

from planted import PLACES, PLANTED, Left, require_nothing_planted, require_told_nothing

CLEAN = {
    "log labjob-api.log": '{"event": "call", "ms": 2.25}',
    "telemetry gateway.spans.jsonl": '{"ms": -225.5}',
    "dead-letters of billing": "billing: no dead letters",
    "object-keys": "labjob/photo/obj_1",
    "event 1 optichain.labjob.v1.JobReleased": '{"jobId": "job_1"}',
}


def test_a_clean_journey_passes_and_one_that_was_not_looked_into_does_not() -> None:
    require_nothing_planted(Left(CLEAN))
    for place in CLEAN:
        with pytest.raises(AssertionError):
            require_nothing_planted(Left(CLEAN | {place: ""}))
    assert {place.partition(" ")[0] for place in CLEAN} == PLACES


@pytest.mark.parametrize("place", CLEAN)
@pytest.mark.parametrize("planted", [*PLANTED, '"sphere":-225', "OD -2.50 / 90"])
def test_a_name_a_phone_or_a_power_is_found_in_every_place(place: str, planted: str) -> None:
    for written in (planted, json.dumps(planted)):
        with pytest.raises(AssertionError):
            require_nothing_planted(Left(CLEAN | {place: CLEAN[place] + f" {written}"}))
        with pytest.raises(AssertionError):
            require_told_nothing({"told": [planted]})
