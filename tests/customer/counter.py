"""The counter of a shop in the tests of customer, and the short ways to ask there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import urllib3

from chain import Chain, Person
from optichain.customer.v1 import contact_pb2, duplicate_pb2, guardian_link_pb2
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.object.v1 import object_service_pb2 as objects

PHONE = "138 0013 8000"


@dataclass
class Counter:
    """A counter of a shop: its receptionist, and what is asked there."""

    chain: Chain
    reception: Person

    def register(self, name: str = "王芳", **details: Any) -> pb.RegisterPersonResponse:
        """Register somebody grown up with a phone, unless told otherwise."""
        request = pb.RegisterPersonRequest(**{"birthday": "1988-05-21", "phone": PHONE, **details})
        request.name = name
        return self.chain.ask(request, pb.RegisterPersonResponse, as_=self.reception)

    def id_of(self, name: str = "王芳", **details: Any) -> str:
        """Register somebody and return the id."""
        return self.register(name, **details).person.envelope.id

    def person(self, customer_id: str) -> pb.GetPersonResponse:
        """Return the basic part of the vision file."""
        request = pb.GetPersonRequest(customer_id=customer_id)
        return self.chain.ask(request, pb.GetPersonResponse, as_=self.reception)

    def amend(self, customer_id: str, **corrected: Any) -> pb.AmendPersonResponse:
        """Correct somebody as last seen."""
        request = pb.AmendPersonRequest(
            customer_id=customer_id,
            revision=self.person(customer_id).person.envelope.revision,
            reason="said at the counter",
            **corrected,
        )
        return self.chain.ask(request, pb.AmendPersonResponse, as_=self.reception)

    def found(self, text: str, **how: Any) -> list[str]:
        """Return the names that a search finds."""
        request = pb.SearchPeopleRequest(text=text, **how)
        answer = self.chain.ask(request, pb.SearchPeopleResponse, as_=self.reception)
        return [one.name for one in answer.people]

    def verify(self, customer_id: str) -> None:
        """Verify the phone."""
        request = pb.VerifyContactRequest(
            customer_id=customer_id,
            channel=contact_pb2.CHANNEL_PHONE_CALL,
            method=contact_pb2.VERIFICATION_METHOD_SAID_IN_PERSON,
        )
        self.chain.ask(request, pb.VerifyContactResponse, as_=self.reception)

    def answer(
        self, customer_id: str, purpose: int, *channels: int, **more: Any
    ) -> contact_pb2.ContactPermission:
        """Record an answer: yes on these channels, no when there are none."""
        request = pb.RecordContactPermissionRequest(
            customer_id=customer_id,
            purpose=purpose,  # type: ignore[arg-type]  # a number of the enum
            answer=contact_pb2.PERMISSION_ANSWER_YES
            if channels
            else contact_pb2.PERMISSION_ANSWER_NO,
            channels=channels,  # type: ignore[arg-type]  # numbers of the enum
            **more,
        )
        answer = self.chain.ask(request, pb.RecordContactPermissionResponse, as_=self.reception)
        return answer.permission

    def answer_all(self, customer_id: str, **more: Any) -> None:
        """Answer every purpose: order service by text message, the rest no."""
        sms = contact_pb2.CHANNEL_SMS
        self.answer(customer_id, contact_pb2.PURPOSE_ORDER_SERVICE, sms, **more)
        self.answer(customer_id, contact_pb2.PURPOSE_RECALL, **more)
        self.answer(customer_id, contact_pb2.PURPOSE_MARKETING, **more)

    def link(self, ward_id: str, guardian_id: str) -> pb.LinkGuardianResponse:
        """Make somebody the mother of somebody."""
        request = pb.LinkGuardianRequest(
            customer_id=ward_id,
            guardian_id=guardian_id,
            relationship=guardian_link_pb2.RELATIONSHIP_MOTHER,
        )
        return self.chain.ask(request, pb.LinkGuardianResponse, as_=self.reception)

    def resolve(
        self, one: str, other: str, *, surviving_id: str = ""
    ) -> pb.ResolveDuplicateResponse:
        """Merge two people into one, or tell them apart when none survives."""
        merge, distinct = (
            duplicate_pb2.DUPLICATE_DECISION_MERGE,
            duplicate_pb2.DUPLICATE_DECISION_DISTINCT,
        )
        request = pb.ResolveDuplicateRequest(
            customer_id=one,
            other_id=other,
            decision=merge if surviving_id else distinct,
            surviving_id=surviving_id,
            reason="seen with both cards",
        )
        return self.chain.ask(request, pb.ResolveDuplicateResponse, as_=self.reception)

    def ready(self, customer_id: str) -> pb.RequireReadyForVisitResponse:
        """Ask as clinical does before it opens a visit."""
        request = pb.RequireReadyForVisitRequest(customer_id=customer_id)
        return self.chain.ask_as_service(
            "clinical", request, pb.RequireReadyForVisitResponse, actor=self.reception.actor
        )

    def upload(self, data: bytes, *, as_: Person, media_type: str = "text/csv") -> str:
        """Upload a file as a browser would, and confirm it."""
        offer = objects.OfferUploadRequest(purpose="import", media_type=media_type)
        offered = self.chain.ask(offer, objects.OfferUploadResponse, as_=as_, of="customer")
        with urllib3.PoolManager() as http:
            put = http.request("PUT", offered.url, body=data, headers={"Content-Type": media_type})
            assert put.status == 200
        confirm = objects.ConfirmObjectRequest(
            object_key=offered.object_key, sha256=hashlib.sha256(data).hexdigest()
        )
        self.chain.ask(confirm, objects.ConfirmObjectResponse, as_=as_, of="customer")
        return offered.object_key
