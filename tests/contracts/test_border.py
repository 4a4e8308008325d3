"""What the border refuses before any service sees it, whatever the request."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.contract import check
from chassis.errors import Invalid
from optichain.clinical.v1 import clinical_service_pb2 as pb


def problems(stamp: Timestamp) -> set[tuple[str, str]]:
    try:
        check(pb.BookAppointmentRequest(starts_at=stamp))
    except Invalid as refused:
        return {(p.field, p.rule) for p in refused.problems if p.field == "starts_at"}
    return set()


@pytest.mark.parametrize(
    "stamp",
    [
        Timestamp(seconds=253402297200),  # 9999-12-31T23:00:00Z: no zone east of it has that date
        Timestamp(seconds=10**15),
        Timestamp(seconds=-(10**15)),
        Timestamp(seconds=0, nanos=-1),
        Timestamp(seconds=0, nanos=10**9),
    ],
)
def test_an_instant_outside_every_calendar_of_the_trade_is_refused(stamp: Timestamp) -> None:
    assert problems(stamp) == {("starts_at", "instant")}


@pytest.mark.parametrize("year", [1900, 1970, 2026, 2200])
def test_an_instant_of_somebodys_life_passes(year: int) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(datetime(year, 12, 31, 23, 59, tzinfo=UTC))
    assert problems(stamp) == set()
