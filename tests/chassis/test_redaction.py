"""Text renderings of messages name what is personal or clinical, and never say it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.redaction import redacted_text
from message_platform import LISTENING
from optichain.record.v1 import events_pb2 as record_events
from optichain.record.v1 import pin_pb2


@pytest.fixture
def events() -> Iterator[Any]:
    """A contract with an event that holds a name and powers."""
    sys.path.append(LISTENING)
    yield importlib.import_module("optichain.listener.v1.events_pb2")
    sys.path.remove(LISTENING)


def test_a_field_that_is_personal_is_named_and_its_value_left_out(events: Any) -> None:
    pair = events.PairHeard(branch_id="br_1", customer_name="Lin Meihua")

    assert redacted_text(pair) == "branch_id: 'br_1'\ncustomer_name: [redacted]"


def test_powers_are_left_out_however_deep_they_stand(events: Any) -> None:
    eye = events.Eye(side=1, sphere_centidioptres=-425)
    pair = events.PairHeard(eyes=[eye, eye], former=eye)
    pair.by_station["edging"].CopyFrom(eye)
    text = redacted_text(pair)

    assert "425" not in text
    assert text.count("side: SIDE_RIGHT") == 3  # two eyes and the station; none under former
    assert "former: [redacted]" in text
    assert "by_station['edging']:" in text


def test_bytes_and_what_the_contract_does_not_know_are_not_shown(events: Any) -> None:
    unknown = b"\xfa\x01\x0aLin Meihua"  # field 31, which nobody declared
    pair = events.PairHeard.FromString(
        events.PairHeard(frame=b"Lin Meihua").SerializeToString() + unknown
    )

    assert redacted_text(pair) == "frame: <10 bytes>"


def test_a_text_cannot_pass_for_a_field_of_its_own(events: Any) -> None:
    assert redacted_text(events.PairHeard(branch_id="x\ncustomer_name: 'me'")).count("\n") == 0


def test_times_and_enums_are_shown_as_people_read_them() -> None:
    at = Timestamp()
    at.FromDatetime(datetime(2026, 11, 22, 6, 40, tzinfo=UTC))
    change: Message = record_events.RecordChanged(
        record_id="br_1", version=3, what=pin_pb2.CHANGE_KIND_AMENDED, changed_at=at
    )

    assert redacted_text(change).splitlines() == [
        "record_id: 'br_1'",
        "version: 3",
        "what: CHANGE_KIND_AMENDED",
        "changed_at: 2026-11-22T06:40:00Z",
    ]
