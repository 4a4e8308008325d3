"""Photos, scans and signatures: what counts is what was hashed, nobody changes it afterwards, and
only those see it whom its record concerns."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy.dialects import postgresql

from chain import Chain, Person
from chassis.errors import DomainError, NotPermitted, Refused, Unknown
from chassis.evidence import records_showing
from chassis.ids import new_id
from chassis.objects import ObjectStore
from chassis.roles import Role
from chassis.settings import load
from minimal import content_of
from optichain.object.v1 import object_service_pb2 as pb

PNG = "image/png"


class Camera:
    """Somebody at a branch who uploads, confirms and looks at what clinical keeps."""

    def __init__(self, chain: Chain) -> None:
        chain.serve("clinical")
        self.chain = chain
        self.optician = chain.person(Role.OPTICIAN)
        self.store = ObjectStore(load("clinical").s3_url.get_secret_value())
        self.store.make_bucket()

    def offer(self) -> Any:
        wanted = pb.OfferUploadRequest(purpose="photo", media_type=PNG)
        return self.ask(wanted, pb.OfferUploadResponse)

    def put(self, offer: Any, data: bytes) -> None:
        sent = httpx.put(offer.url, content=data, headers={"Content-Type": PNG}, trust_env=False)
        assert sent.status_code == 200

    def confirm(self, key: str, data: bytes, *, as_: Person | None = None, note: str = "") -> Any:
        sha256 = hashlib.sha256(data).hexdigest()
        request = pb.ConfirmObjectRequest(object_key=key, sha256=sha256, note=note)
        return self.ask(request, pb.ConfirmObjectResponse, as_=as_).evidence

    def photo(self, data: bytes = b"a photo") -> Any:
        offer = self.offer()
        self.put(offer, data)
        return self.confirm(offer.object_key, data)

    def read(self, key: str, *, as_: Person | None = None) -> bytes:
        request = pb.OfferReadRequest(object_key=key)
        offered = self.ask(request, pb.OfferReadResponse, as_=as_)
        return httpx.get(offered.url, trust_env=False).content

    def record(self, kind: Any, key: str, *, by: Person | None = None, **place: str) -> Any:
        content = content_of(kind.content)
        with self.chain.work("clinical", (by or self.optician).actor) as work:
            shown = work.records.evidence([key])
            return work.records.add(kind, content, evidence=shown, **place)

    def ask(self, request: Any, response: Any, *, as_: Person | None = None) -> Any:
        return self.chain.ask(request, response, as_=as_ or self.optician, of="clinical")


@pytest.fixture
def camera(chain: Chain) -> Camera:
    return Camera(chain)


def visit() -> Any:
    from clinical.visit import VISIT

    return VISIT


def needs() -> Any:
    from clinical.dispensing.needs_analysis import NEEDS_ANALYSIS

    return NEEDS_ANALYSIS


def refused(reason: str, kind: type[DomainError] = Refused) -> Any:
    return pytest.raises(kind, check=lambda error: error.code == reason)


def test_what_is_put_after_the_confirmation_changes_no_evidence(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"as signed")
    shown = camera.confirm(offer.object_key, b"as signed")

    camera.put(offer, b"as forged")

    assert camera.store.get(shown.object_key) == b"as signed"
    assert camera.read(shown.object_key) == b"as signed"
    assert shown.sha256 in shown.object_key


def test_a_second_confirmation_answers_as_the_first_and_changes_nothing(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"as signed")
    first = camera.confirm(offer.object_key, b"as signed", note="signed at the counter")

    assert camera.confirm(offer.object_key, b"as signed", note="another") == first


def test_a_confirmed_upload_is_not_confirmed_as_other_bytes(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"as signed")
    first = camera.confirm(offer.object_key, b"as signed")
    camera.put(offer, b"as forged")

    with refused("OBJECT_DIFFERS"):
        camera.confirm(offer.object_key, b"as forged")

    assert camera.read(first.object_key) == b"as signed"


def test_bytes_that_differ_from_what_was_announced_are_no_evidence(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"as sent")

    with refused("OBJECT_DIFFERS"):
        camera.confirm(offer.object_key, b"as announced")
    with refused("EVIDENCE_UNCONFIRMED"):
        camera.record(visit(), offer.object_key)
    assert camera.confirm(offer.object_key, b"as sent").size_bytes == 7


def test_an_upload_above_the_limit_is_refused(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTICHAIN_UPLOAD_LIMIT_BYTES", "10")
    camera.chain.stop("clinical")
    load.cache_clear()
    camera.chain.serve("clinical")
    offer = camera.offer()
    camera.put(offer, b"eleven byte")

    with refused("OBJECT_TOO_LARGE"):
        camera.confirm(offer.object_key, b"eleven byte")

    camera.put(offer, b"ten bytes!")
    assert camera.confirm(offer.object_key, b"ten bytes!").size_bytes == 10
    camera.chain.stop("clinical")
    monkeypatch.undo()
    load.cache_clear()


def test_the_key_that_was_offered_stands_for_what_was_confirmed_when_a_record_names_it(
    camera: Camera,
) -> None:
    offer = camera.offer()
    camera.put(offer, b"as signed")
    shown = camera.confirm(offer.object_key, b"as signed")

    (named,) = camera.record(visit(), offer.object_key).evidence

    assert (named.object_key, named.sha256) == (shown.object_key, shown.sha256)


def test_what_a_failed_confirmation_copied_is_swept(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"as sent")
    before = set(camera.store.keys("clinical/"))

    with refused("OBJECT_DIFFERS"):
        camera.confirm(offer.object_key, b"as announced")

    assert set(camera.store.keys("clinical/")) == before


def test_nobody_confirms_what_was_offered_to_somebody_else(camera: Camera) -> None:
    offer = camera.offer()
    camera.put(offer, b"a photo")
    colleague = camera.chain.person(Role.OPTICIAN, branch_id=camera.optician.branch_id)

    with refused("OBJECT_UNKNOWN", Unknown):
        camera.confirm(offer.object_key, b"a photo", as_=colleague)
    assert camera.confirm(offer.object_key, b"a photo")


def test_who_uploaded_something_may_look_at_it_before_a_record_names_it(camera: Camera) -> None:
    shown = camera.photo()
    colleague = camera.chain.person(Role.OPTICIAN, branch_id=camera.optician.branch_id)

    assert camera.read(shown.object_key) == b"a photo"
    with refused("OBJECT_UNKNOWN", Unknown):
        camera.read(shown.object_key, as_=colleague)


def test_evidence_is_shown_where_its_record_was_made_or_waits(camera: Camera) -> None:
    here, there, elsewhere = camera.optician.branch_id, new_id("br"), new_id("br")
    key = camera.photo().object_key
    camera.record(visit(), key, held_at_id=there)

    for branch_id in (here, there):
        reader = camera.chain.person(Role.RECEPTION, branch_id=branch_id)
        assert camera.read(key, as_=reader) == b"a photo"
    stranger = camera.chain.person(Role.RECEPTION, branch_id=elsewhere)
    with refused("WRONG_BRANCH", NotPermitted):
        camera.read(key, as_=stranger)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.HEAD_OFFICE, Role.QUALITY_MANAGER])
def test_who_answers_for_the_whole_chain_sees_the_evidence_of_every_branch(
    camera: Camera, role: Role
) -> None:
    key = camera.photo().object_key
    camera.record(visit(), key)

    assert camera.read(key, as_=camera.chain.person(role)) == b"a photo"


def test_evidence_of_a_clinical_record_is_shown_only_to_roles_that_may_read_it(
    camera: Camera,
) -> None:
    here = camera.optician.branch_id
    key = camera.photo().object_key
    camera.record(needs(), key)

    assert camera.read(key, as_=camera.chain.person(Role.OPTOMETRIST, branch_id=here))
    with refused("ROLE_NOT_PERMITTED", NotPermitted):
        camera.read(key, as_=camera.chain.person(Role.CASHIER, branch_id=here))


@pytest.mark.parametrize("role", [Role.ON_CALL, Role.PARTNER_LAB, Role.INSTRUMENT])
def test_who_sees_no_case_sees_no_evidence_either(camera: Camera, role: Role) -> None:
    key = camera.photo().object_key
    camera.record(visit(), key)
    outsider = camera.chain.person(role, branch_id=camera.optician.branch_id)

    with refused("ROLE_NOT_PERMITTED", NotPermitted):
        camera.read(key, as_=outsider)


def test_a_key_that_nobody_offered_is_unknown(camera: Camera) -> None:
    with refused("OBJECT_UNKNOWN", Unknown):
        camera.read("clinical/photo/obj_nothing")
    with refused("OBJECT_UNKNOWN", Unknown):
        camera.confirm("clinical/photo/obj_nothing", b"")


def test_the_records_an_object_is_evidence_of_are_found_by_an_index(camera: Camera) -> None:
    asked = records_showing("").compile(dialect=postgresql.dialect())
    shown = Jsonb([{"object_key": "clinical/photo/obj_x"}])
    with camera.chain.work("clinical", camera.optician.actor) as work:
        work.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = work.connection.exec_driver_sql(f"EXPLAIN {asked}", {"evidence_1": shown})
        assert "record_evidence" in " ".join(plan.scalars())


def test_a_photo_of_another_branch_is_no_evidence_of_a_record_here(camera: Camera) -> None:
    photo = camera.photo()
    elsewhere = camera.chain.person(Role.OPTICIAN)

    with refused("WRONG_BRANCH", NotPermitted):
        camera.record(visit(), photo.object_key, by=elsewhere)

    colleague = camera.chain.person(Role.OPTOMETRIST, branch_id=camera.optician.branch_id)
    camera.record(visit(), photo.object_key, by=colleague)


def test_a_photo_of_what_was_handed_here_is_evidence_of_a_record_here(camera: Camera) -> None:
    photo = camera.photo()
    receiver = camera.chain.person(Role.OPTICIAN)
    camera.record(visit(), photo.object_key, held_at_id=receiver.branch_id)

    camera.record(visit(), photo.object_key, by=receiver)
