"""Whether somebody may sign or work a station today: each service's rule `signing` names the
course, organisation is asked live, before anything is written."""

from __future__ import annotations

from chassis.clock import now
from chassis.rpc.call import Call
from chassis.rules import in_force
from optichain.organisation.v1 import organisation_service_pb2 as organisation


def require_qualified(call: Call, signature: str, *staff_ids: str) -> None:
    """Ask whether everybody who answers for a signature, or works a station, has its course in
    force. One that the rule leaves out needs the role alone, and nobody is asked.

    Raises what organisation refuses with (QUALIFICATION_NOT_IN_FORCE), Unavailable: never on trust.
    """
    with call.database.snapshot() as connection:
        body = in_force(connection, "signing", now().date()).body
    course = str(body["courses"].get(signature, ""))
    for staff_id in filter(None, staff_ids if course else ()):
        call.ask(
            organisation.RequireQualificationRequest(staff_id=staff_id, course=course),
            organisation.RequireQualificationResponse,
        )
