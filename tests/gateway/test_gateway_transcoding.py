"""What JSON becomes of a message and back, and what is said of JSON that does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FieldProblem
from gateway.from_texts import from_texts
from gateway.into_json import adders_of, json_of
from gateway.into_message import fill
from gateway.route import Route, RouteUnfit, get, in_order, post
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.organisation.v1 import organisation_service_pb2 as organisation
from optichain.record.v1 import envelope_pb2, record_service_pb2

Found = list[tuple[str, str]]


def problems_of(message: Any, given: Any) -> Found:
    problems: list[FieldProblem] = []
    fill(message, given, problems)
    return [(problem.field, problem.rule) for problem in problems]


def test_an_envelope_as_json_has_plain_numbers_words_and_utc_instants() -> None:
    envelope = envelope_pb2.Envelope(id="rx_1", version=2, revision=3)
    envelope.source.kind = envelope_pb2.SOURCE_KIND_DEVICE
    envelope.recorded_at.FromJsonString("2026-11-22T17:30:00+08:00")
    envelope.evidence.add(size_bytes=2**53 + 1)

    found = json_of(envelope)

    assert (found["version"], found["revision"]) == (2, 3)
    assert found["source"] == {"kind": "device", "detail": ""}
    assert found["recorded_at"] == "2026-11-22T09:30:00Z"
    assert found["evidence"][0]["size_bytes"] == 2**53 + 1


def test_what_is_absent_or_unspecified_is_left_out_and_empty_lists_are_not() -> None:
    found = json_of(envelope_pb2.Envelope())

    assert "approval" not in found
    assert "responsible_role" not in found
    assert found["evidence"] == []
    assert found["customer_id"] == ""


def test_every_thing_wrong_is_named_at_once_with_its_place() -> None:
    message = organisation.AppointStaffRequest()
    given = {
        "name": 7,
        "roles": ["optician", "wizard", "optician"],
        "branch_ids": "br_1",
        "colour": "red",
        "login": None,
        "first_password": "\ud800",
    }

    assert problems_of(message, given) == [
        ("name", "type"),
        ("roles[1]", "enum"),
        ("branch_ids", "type"),
        ("colour", "unknown"),
        ("login", "type"),
        ("first_password", "text"),
    ]


@pytest.mark.parametrize(
    ("value", "rule"),
    [("3", "type"), (3.0, "type"), (True, "type"), (None, "type"), (2**31, "range")],
)
def test_a_whole_number_is_a_json_number_within_its_type(value: Any, rule: str) -> None:
    assert problems_of(organisation.AmendStaffRequest(), {"revision": value}) == [
        ("revision", rule)
    ]


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22",
        "2026-11-22T09:30:00",
        "2026-02-30T09:30:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-22T09:30:00+99:99",
        7,
    ],
)
def test_an_instant_without_zone_or_out_of_time_is_refused(value: Any) -> None:
    found = problems_of(clinical.BookAppointmentRequest(), {"starts_at": value})

    assert found == [("starts_at", "timestamp")]


def test_a_place_inside_nested_lists_is_spelt_out() -> None:
    given: dict[str, Any] = {"lines": [{}, {"product_id": 4}]}

    assert problems_of(inventory.ReceiveGoodsRequest(), given) == [("lines[1].product_id", "type")]


def test_of_a_choice_only_one_may_be_given() -> None:
    given: dict[str, Any] = {"frame": {}, "goods": {}}

    found = problems_of(inventory.AddProductRequest(), given)

    assert [rule for _, rule in found] == ["oneof"]


def test_a_query_names_nested_fields_with_a_dot_and_repeats_lists() -> None:
    problems: list[FieldProblem] = []
    pairs = [("text", "stock 1.60"), ("power.sphere_centidioptres", "-200"), ("page_size", "5")]

    found = from_texts(inventory.SearchProductsRequest.DESCRIPTOR, pairs, problems)

    assert not problems
    assert found == {
        "text": "stock 1.60",
        "power": {"sphere_centidioptres": -200},
        "page_size": 5,
    }


def test_a_query_refuses_what_is_unknown_or_given_twice() -> None:
    problems: list[FieldProblem] = []
    pairs = [("page_size", "1"), ("page_size", "2"), ("power.x", "1"), ("text.x", "1"), ("y", "1")]

    found = from_texts(inventory.SearchProductsRequest.DESCRIPTOR, pairs, problems)

    assert [(p.field, p.rule) for p in problems] == [
        ("page_size", "once"),
        ("power.x", "unknown"),
        ("text.x", "unknown"),
        ("y", "unknown"),
    ]
    assert found == {"page_size": 1}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["od", "os", "objective", "visit_id", "reading_ids", "state", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_no_json_breaks_the_reading_and_what_is_taken_comes_back_the_same(document: Any) -> None:
    message = clinical.RecordRefractionRequest()

    if not problems_of(message, document):
        again = clinical.RecordRefractionRequest()
        given = {name: value for name, value in json_of(message).items() if value != ""}
        assert problems_of(again, given) == []
        assert again == message


def test_a_path_that_names_no_field_and_two_rows_at_one_address_do_not_start() -> None:
    with pytest.raises(RouteUnfit, match="colour"):
        get("/branches/{colour}", organisation.GetBranchRequest)

    rows: list[Route] = [
        get("/records/{record_id}", record_service_pb2.GetRecordRequest, of="billing"),
        get("/records/{record_id}", record_service_pb2.ListChangesRequest, of="billing"),
    ]
    with pytest.raises(RouteUnfit, match="one address"):
        in_order(rows)


def test_a_named_path_is_found_before_one_with_a_place_in_it() -> None:
    rows = [
        get("/staff/{staff_id}", organisation.GetStaffRequest),
        post("/staff/search", organisation.ListStaffRequest),
    ]

    assert [row.path for row in in_order(rows)] == ["/staff/search", "/staff/{staff_id}"]


def test_bytes_do_not_travel_as_json() -> None:
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(name="scan.proto", syntax="proto3")
    field = file.message_type.add(name="Scan").field.add(name="raw", number=1)
    field.type, field.label = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)

    with pytest.raises(RouteUnfit, match="bytes"):
        adders_of(pool.FindMessageTypeByName("Scan"))
