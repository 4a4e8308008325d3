"""What the form that changes one's own password is good for."""

from __future__ import annotations

from collections.abc import Mapping

from chassis import contract
from chassis.errors import DomainError, Invalid, TooManyAttempts, invalid
from gateway.attempts import SIGN_IN_REFUSED
from gateway.clients import Clients
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
    except (Invalid, TooManyAttempts) as refused:
        return refused
    except DomainError as refused:
        if refused.code != SIGN_IN_REFUSED:
            raise
        return refused
    return None
