"""What an RPC says of the people that it shows, and whom an answer is found to show."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from google.protobuf.message import Message

from chassis.access import (
    Access,
    AccessKind,
    AccessPolicy,
    AccessPurpose,
    BreakGlassNeeded,
    Standing,
)
from chassis.actor import Actor
from chassis.contract import RuleMissing
from chassis.ids import new_id
from chassis.roles import Role
from chassis.rpc import Api, Call
from chassis.rpc.looking import Shown, _shown
from optichain.auth.v1 import access_pb2
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.customer.v1 import customer_service_pb2 as customer
from small_contract import SERVICE, STAFF, contract

OWN_FILE = Access(kind=AccessKind.VISION_FILE, usual=AccessPurpose.CARE)
BODY = {
    "sees": {"vip": ["optometrist"]},
    "serves_every_branch": ["auditor"],
    "known_for_days": 400,
}


def nothing(_call: Call, _request: Message) -> Message:
    raise AssertionError("nobody calls it")


@pytest.mark.parametrize(
    "half",
    [
        access_pb2.Access(kind=access_pb2.ACCESS_KIND_PERSON),
        access_pb2.Access(usual=access_pb2.ACCESS_PURPOSE_CARE),
    ],
)
def test_an_rpc_that_shows_people_and_leaves_open_what_or_what_for_is_not_served(
    half: access_pb2.Access,
) -> None:
    api = Api(contract({"ShowPerson": half}, ShowPerson=STAFF), SERVICE)
    with pytest.raises(RuleMissing, match=r"SmallService\.ShowPerson"):
        api.asks("ShowPerson")(nothing)


def shown_by(request: Message, answer: Message, access: Access = OWN_FILE) -> Shown:
    return _shown(SimpleNamespace(request=request, shown=Shown()), access, answer)


def test_an_answer_shows_whom_its_records_are_about_once_each_with_their_branches() -> None:
    one, here, there = new_id("cus"), new_id("br"), new_id("br")
    answer = clinical.GetVisionFileResponse()
    answer.vision_file.customer_id = one
    answer.vision_file.visits.add().envelope.MergeFrom(
        type(answer.vision_file.visits.add().envelope)(customer_id=one, branch_id=here)
    )
    answer.vision_file.prescriptions.add().envelope.customer_id = one
    answer.vision_file.prescriptions[0].envelope.held_at_id = there

    shown = shown_by(clinical.GetVisionFileRequest(customer_id=one), answer)

    assert list(shown.customer_ids) == [one]
    assert shown.branches == {here, there}


def test_an_empty_file_shows_whom_it_was_asked_for() -> None:
    request = clinical.ListPrescriptionsRequest(customer_id=new_id("cus"))
    shown = shown_by(request, clinical.ListPrescriptionsResponse())
    assert list(shown.customer_ids) == [request.customer_id]


def test_a_commands_answer_shows_only_who_stands_in_the_fields_it_names() -> None:
    answer = customer.RegisterPersonResponse()
    answer.person.envelope.customer_id = new_id("cus")
    other = answer.candidates.add().person
    other.customer_id = new_id("cus")
    access = Access(
        kind=AccessKind.PEOPLE_SEARCH,
        usual=AccessPurpose.CARE,
        only_in=frozenset({"candidates"}),
    )

    shown = shown_by(customer.RegisterPersonRequest(), answer, access)

    assert list(shown.customer_ids) == [other.customer_id]


@pytest.mark.parametrize(
    ("role", "standing", "closed_by"),
    [
        (Role.RECEPTION, Standing(is_known_here=True), ""),
        (Role.RECEPTION, Standing(), "other_branch"),
        (Role.RECEPTION, Standing(tier="vip", is_known_here=True), "protection_tier"),
        (Role.OPTOMETRIST, Standing(tier="vip", is_known_here=True), ""),
        (Role.OPTOMETRIST, Standing(tier="vip"), "other_branch"),
        (Role.AUDITOR, Standing(), ""),
        (Role.AUDITOR, Standing(tier="vip"), "protection_tier"),
        (Role.RECEPTION, Standing(tier="vip", break_glass_id="bgl_x"), ""),
    ],
)
def test_a_file_is_open_where_the_person_is_known_to_roles_that_see_the_tier(
    role: Role, standing: Standing, closed_by: str
) -> None:
    actor = Actor(id="stf_x", role=role)
    if closed_by:
        with pytest.raises(BreakGlassNeeded) as refused:
            AccessPolicy(BODY).cleared(actor, "cus_x", standing)
        assert refused.value.details["closed_by"] == closed_by
        return
    cleared = AccessPolicy(BODY).cleared(actor, "cus_x", standing)
    assert cleared.break_glass_id == standing.break_glass_id
    assert cleared.is_elsewhere is not standing.is_known_here
