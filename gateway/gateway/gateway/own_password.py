"""What the forms about one's own password are good for: changing it, and saying it once more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from chassis import contract
from chassis.errors import DomainError, Invalid, TooManyAttempts, invalid
from gateway.attempts import SIGN_IN_REFUSED
from gateway.clients import Clients
from gateway.signed_in import Session
from optichain.organisation.v1 import organisation_service_pb2 as organisation


async def changed(form: Mapping[str, str], token: str, clients: Clients) -> DomainError | None:
    """Change the password; return what the person can mend in the form, if there is something.
    Raises DomainError for all else, Unauthenticated when the session has ended."""
    new = form.get("new_password", "")
    asked = organisation.ChangePasswordRequest(
        present_password=form.get("present_password", ""), new_password=new
    )
    try:
        if form.get("repeated", "") != new:
            raise invalid("repeated", "repeated", "differs from the new password")
        contract.check(asked)
        await clients.ask(asked, organisation.ChangePasswordResponse, token=token)
    except DomainError as refused:
        if not is_mended_in_the_form(refused):
            raise
        return refused
    return None


async def confirmed(form: Mapping[str, str], session: Session, clients: Clients) -> Session:
    """Return the session with a token that signs. Raises DomainError, Unauthenticated when the
    password is wrong or the session has ended."""
    asked = organisation.ConfirmIdentityRequest(password=form.get("password", ""))
    contract.check(asked)
    given = await clients.ask(asked, organisation.ConfirmIdentityResponse, token=session.token)
    return replace(session, token=given.token, token_ends=given.token_expires_at.seconds)


def is_mended_in_the_form(refused: DomainError) -> bool:
    """Tell whether the person can put it right: a wrong or weak password, or patience."""
    return isinstance(refused, (Invalid, TooManyAttempts)) or refused.code == SIGN_IN_REFUSED
