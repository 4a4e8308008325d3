"""A token is believed when organisation signed it, for us, and its time has not run out; what else
is sent beside a person's token is not believed at all."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from joserfc import jwt

from chain import Chain
from chassis import clock, settings
from chassis.actor import system
from chassis.errors import NotPermitted, Unauthenticated
from chassis.ids import new_id
from chassis.roles import Role
from chassis.rpc import Api, Call
from chassis.sealing import DataKey
from chassis.tokens import ALGORITHM, AUDIENCE
from optichain.auth.v1 import rule_pb2
from organisation import founding, keys, store
from organisation.keys import TokenKey, person_claims, service_claims
from small_contract import SERVICE, Caller, contract, served

BRANCH, OTHER_BRANCH = new_id("br"), new_id("br")
OPTICIAN = new_id("stf")
CLAIMS = person_claims(OPTICIAN, (Role.OPTICIAN,), BRANCH, new_id("ses"))
SAYS_WHO = contract(
    WhoAmI=rule_pb2.Rule(staff=True, any_service=True, scope=rule_pb2.SCOPE_CHAIN),
    ChangeMyOwn=rule_pb2.Rule(
        signed_in=True, before_password_change=True, scope=rule_pb2.SCOPE_SELF
    ),
)
api = Api(SAYS_WHO, SERVICE)


@api.asks("WhoAmI")
def who_am_i(call: Call, _request: Message) -> Message:
    """Answer with who is believed to call."""
    actor = call.actor
    return call.reply({"name": f"{actor.id} {actor.role} {actor.branch_id} {actor.service}"})


@api.asks("ChangeMyOwn")
def change_my_own(call: Call, _request: Message) -> Message:
    """Answer anybody."""
    return call.reply({"name": call.actor.id})


@pytest.fixture
def door(chain: Chain) -> Iterator[str]:
    with served(api, chain) as address:
        yield address


@pytest.fixture
def key(chain: Chain, door: str) -> TokenKey:
    """The key that organisation signs with."""
    return founding.signing_key(chain.database("organisation"))


def says(door: str, token: str, rpc: str = "WhoAmI", *sent: tuple[str, str]) -> str:
    """Return what the door answers to a token, or the reason of its refusal."""
    with Caller(door, api.descriptor, token) as caller:
        try:
            return str(caller.call(rpc, sent=sent).name)
        except (Unauthenticated, NotPermitted) as refused:
            return refused.code


def signed(key: TokenKey, **differing: Any) -> str:
    """Return an optician's token, with claims that differ from what organisation would sign."""
    claims = {**CLAIMS, "aud": AUDIENCE, "exp": int(time.time()) + 60, **differing}
    header = {"alg": ALGORITHM, "kid": key.key_id}
    return jwt.encode(header, {name: v for name, v in claims.items() if v != ""}, key.key)


def test_a_token_of_organisation_names_its_person_and_of_its_like_nothing_else_does(
    door: str, key: TokenKey
) -> None:
    assert says(door, signed(key)) == f"{OPTICIAN} optician {BRANCH} "
    refused = {
        "expired": signed(key, exp=int(time.time()) - 1),
        "never expires": signed(key, exp=""),
        "for another audience": signed(key, aud="another house"),
        "for nobody": signed(key, aud=""),
        "of no one": signed(key, sub=""),
        "of a role that nobody has": signed(key, roles=["owner"]),
    }
    assert {what: says(door, token) for what, token in refused.items()} == dict.fromkeys(
        refused, "TOKEN_REFUSED"
    )


def test_a_token_stops_working_at_its_end_although_it_has_worked_before(
    door: str, key: TokenKey
) -> None:
    ends = int(time.time()) + 2
    token = signed(key, exp=ends)
    assert says(door, token) == f"{OPTICIAN} optician {BRANCH} "
    time.sleep(max(0.0, ends - time.time()) + 0.1)
    assert says(door, token) == "TOKEN_REFUSED"


def test_what_anybody_could_have_made_is_no_token(door: str, key: TokenKey) -> None:
    stranger, _sealed, _public = keys.make(DataKey(data_key()))
    whole = signed(key)
    head, body, signature = whole.split(".")
    public = key.key.as_pem(private=False)
    head_of_secret = part({"alg": "HS256", "kid": key.key_id})
    mac = hmac.digest(public, f"{head_of_secret}.{body}".encode(), "sha256")
    made_up = {
        "signed by another key under its own id": signed(stranger),
        "signed by another key under ours": signed(TokenKey(key.key_id, stranger.key)),
        "signed with our public key as a secret": f"{head_of_secret}.{body}.{text_of(mac)}",
        "says it needs no signature": f"{part({'alg': 'none'})}.{body}.",
        "names no key": f"{part({'alg': ALGORITHM})}.{body}.{signature}",
        "names two keys": f"{part({'alg': ALGORITHM, 'kid': [key.key_id]})}.{body}.{signature}",
        "names no way of signing": f"{part({})}.{body}.{signature}",
        "has a head that is none": f"{part([])}.{body}.{signature}",
        "without a signature": f"{head}.{body}.",
        "another's body": f"{head}.{signed(key, sub=new_id('stf')).split('.')[1]}.{signature}",
        "cut off": whole[:-5],
        "no token": "let me in",
        "dots": "..",
        "braces": "e30.e30.e30",
    }
    assert {what: says(door, token) for what, token in made_up.items()} == dict.fromkeys(
        made_up, "TOKEN_REFUSED"
    )


def part(says: object) -> str:
    return text_of(json.dumps(says).encode())


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def data_key() -> str:
    return settings.load("organisation").data_key.get_secret_value()


def test_a_key_that_is_new_is_fetched_and_its_tokens_work_and_the_old_ones_still_do(
    chain: Chain, door: str, key: TokenKey
) -> None:
    assert says(door, signed(key)) == f"{OPTICIAN} optician {BRANCH} "
    rotated, sealed, public = keys.make(DataKey(data_key()))
    assert says(door, signed(rotated)) == "TOKEN_REFUSED"
    with chain.work("organisation", system("organisation")) as work:
        store.add_key(
            work.connection,
            key_id=rotated.key_id,
            sealed_private=sealed,
            public=public,
            made_at=clock.now(),
        )
    time.sleep(1.1)  # keys are fetched once a second at most, however many strange tokens come
    try:
        assert says(door, signed(rotated)) == f"{OPTICIAN} optician {BRANCH} "
        assert says(door, signed(key)) == f"{OPTICIAN} optician {BRANCH} "
    finally:
        forget(chain, rotated.key_id)


def forget(chain: Chain, key_id: str) -> None:
    """Take a key away again, as its owner; others sign with the one that was there before."""
    with chain.owner("organisation").begin() as connection:
        connection.exec_driver_sql("DELETE FROM token_key WHERE key_id = %s", (key_id,))


def test_a_person_is_who_the_token_says_whatever_is_sent_beside_it(
    door: str, key: TokenKey
) -> None:
    pretended = (
        ("x-actor", new_id("stf")),
        ("x-actor-role", "head_office"),
        ("x-actor-branch", OTHER_BRANCH),
    )
    assert says(door, signed(key), "WhoAmI", *pretended) == f"{OPTICIAN} optician {BRANCH} "
    assert says(door, "", "WhoAmI", *pretended) == "TOKEN_MISSING"


def test_a_service_is_believed_when_it_says_in_whose_name_it_asks(door: str, key: TokenKey) -> None:
    token, _ends = key.sign(service_claims("billing"))
    asks_for = (("x-actor", OPTICIAN), ("x-actor-role", "optician"), ("x-actor-branch", BRANCH))
    assert says(door, token, "WhoAmI", *asks_for) == f"{OPTICIAN} optician {BRANCH} billing"
    assert says(door, token) == "billing system  billing"
    assert says(door, token, "ChangeMyOwn", *asks_for) == "SERVICE_NOT_PERMITTED"


def test_whose_password_somebody_else_gave_may_change_it_and_nothing_else_at_any_service(
    door: str, key: TokenKey
) -> None:
    token = signed(key, pwd_due=True)
    assert says(door, token) == "PASSWORD_CHANGE_DUE"
    assert says(door, token, "ChangeMyOwn") == OPTICIAN
