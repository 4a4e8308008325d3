"""Who signs says again who that is: the password once more gives a token that signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import text

from chain import Chain
from chassis import clock, settings
from chassis.actor import system
from chassis.errors import TooManyAttempts, Unauthenticated
from chassis.tokens import KeyCache, Verifier
from office import FIRST, OWN, Office, person_of
from optichain.organisation.v1 import organisation_service_pb2 as pb
from organisation import founding
from organisation.settings import Settings

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def office(chain: Chain) -> Office:
    return Office.of(chain)


@pytest.fixture
def session(office: Office) -> pb.Session:
    """Somebody who signed in an hour ago, and did not say who that is since."""
    office.appoints(office.opens().envelope.id)
    office.changes_password(office.signs_in())
    session = office.signs_in(password=OWN)
    with office.chain.work("organisation", system("organisation")) as work:
        aged = text("UPDATE session SET authenticated_at = authenticated_at - interval '1 hour'")
        work.connection.execute(aged)
    return office.renews(session)


def said_at(chain: Chain, token: str) -> datetime:
    """Return when the person of a token last confirmed the password, as every service reads it."""
    database = chain.database("organisation")
    founding.found(database, cast(Settings, settings.load("organisation")))
    keys = KeyCache(lambda: founding.public_keys(database))
    found = Verifier(keys).verify(token).authenticated_at
    assert found is not None
    return found


def confirm(office: Office, session: pb.Session, password: str = OWN) -> pb.ConfirmIdentityResponse:
    request = pb.ConfirmIdentityRequest(password=password)
    return office.chain.ask(request, pb.ConfirmIdentityResponse, as_=person_of(session))


def test_signing_in_says_who_that_is_and_renewing_does_not(
    office: Office, session: pb.Session
) -> None:
    fresh = office.signs_in(password=OWN)
    assert clock.now() - said_at(office.chain, fresh.token) < timedelta(minutes=1)
    assert clock.now() - said_at(office.chain, session.token) >= AN_HOUR
    again = office.renews(session)
    assert clock.now() - said_at(office.chain, again.token) >= AN_HOUR
    assert again.authenticated_at == session.authenticated_at


def test_the_password_once_more_gives_a_token_that_signs_and_the_session_remembers_it(
    office: Office, session: pb.Session
) -> None:
    confirmed = confirm(office, session)
    assert clock.now() - said_at(office.chain, confirmed.token) < timedelta(minutes=1)
    renewed = office.renews(session)  # with the secret from before
    assert said_at(office.chain, renewed.token) == said_at(office.chain, confirmed.token)
    assert renewed.authenticated_at == confirmed.authenticated_at


def test_a_wrong_password_confirms_nobody_and_counts_like_a_wrong_sign_in(
    office: Office, session: pb.Session
) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated) as refused:
            confirm(office, session, "a guess at it")
        assert refused.value.code == "SIGN_IN_REFUSED"
    with pytest.raises(TooManyAttempts):
        confirm(office, session)
    with pytest.raises(TooManyAttempts):
        office.signs_in(password=OWN)
    assert clock.now() - said_at(office.chain, office.renews(session).token) >= AN_HOUR


def test_a_session_that_has_ended_is_not_confirmed(office: Office, session: pb.Session) -> None:
    out = pb.SignOutRequest(session_id=session.id)
    office.chain.ask(out, pb.SignOutResponse, as_=person_of(session))
    with pytest.raises(Unauthenticated) as ended:
        confirm(office, session)
    assert ended.value.code == "SESSION_ENDED"


def test_a_password_that_somebody_else_gave_confirms_nobody(
    office: Office, session: pb.Session
) -> None:
    branch_id = session.branch_id
    office.appoints(branch_id, login="new.ja1")
    with pytest.raises(Exception, match="given by somebody else") as refused:
        confirm(office, office.signs_in("new.ja1"), FIRST)
    assert getattr(refused.value, "code", "") == "PASSWORD_CHANGE_DUE"
