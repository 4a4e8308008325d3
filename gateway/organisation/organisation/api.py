"""Organisation's gRPC face."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf.message import Message

from chassis.db import Database
from chassis.errors import Unauthenticated
from chassis.rpc import Api, Call
from chassis.tokens import KeyCache
from optichain.auth.v1 import token_service_pb2
from optichain.organisation.v1 import organisation_service_pb2
from organisation import commands, commands_drill, commands_sign_in, founding, queries, wire
from organisation.keys import service_claims
from organisation.login import SignInRefused

api = Api(organisation_service_pb2, "OrganisationService")
tokens = Api(token_service_pb2, "TokenService")
APIS = (api, tokens)

api.commands(
    OpenBranch=commands.open_branch,
    CloseBranch=commands.close_branch,
    AppointStaff=commands.appoint_staff,
    AmendStaff=commands.amend_staff,
    EndEmployment=commands.end_employment,
    RecordQualification=commands.record_qualification,
    RevokeQualification=commands.revoke_qualification,
    EndDrill=commands_drill.end_drill,
    ReleaseLogin=commands_sign_in.release_login,
    SignOut=commands_sign_in.sign_out,
)
api.queries(
    GetBranch=queries.get_branch,
    ListBranches=queries.list_branches,
    GetStaff=queries.get_staff,
    ListStaff=queries.list_staff,
    ListQualifications=queries.list_qualifications,
    ListExpiringQualifications=queries.list_expiring_qualifications,
    RequireQualification=queries.require_qualification,
    GetDrill=queries.get_drill,
    ListDrills=queries.list_drills,
)


@api.asks("SignIn")
def sign_in(call: Call, request: Any) -> Message:
    """Sign in; a wrong password is counted before it is refused."""
    with call.database.work(call.actor) as work:
        started = commands_sign_in.sign_in(
            work, login=request.login, password=request.password, branch_id=request.branch_id
        )
    if started is None:
        raise SignInRefused("login or password is wrong")
    return call.reply(wire.session(started, founding.signing_key(call.database)))


@api.asks("StartDrill")
def start_drill(call: Call, request: Any) -> Message:
    """Begin a drill; what its people may act with is told once and kept nowhere."""
    with call.database.work(call.actor) as work:
        begun = commands_drill.start_drill(work, drill_case=request.drill_case)
    return call.reply(wire.begun(begun, founding.signing_key(call.database)))


@api.asks("RenewSession")
def renew_session(call: Call, request: Any) -> Message:
    """Renew a session that still runs."""
    with call.database.work(call.actor) as work:
        started = commands_sign_in.renew_session(
            work, session_id=request.session_id, renewal_secret=request.renewal_secret
        )
    return call.reply(wire.session(started, founding.signing_key(call.database)))


@api.asks("ChangePassword")
def change_password(call: Call, request: Any) -> Message:
    """Change the caller's password; a wrong present one is counted before it is refused."""
    with call.database.work(call.actor) as work:
        changed = commands_sign_in.change_password(
            work, present_password=request.present_password, new_password=request.new_password
        )
    if not changed:
        raise SignInRefused("the present password is wrong")
    return call.reply(None)


@api.asks("ConfirmIdentity")
def confirm_identity(call: Call, request: Any) -> Message:
    """Give a token that signs; a wrong password is counted before it is refused."""
    with call.database.work(call.actor) as work:
        started = commands_sign_in.confirm_identity(work, password=request.password)
    if started is None:
        raise SignInRefused("the password is wrong")
    given = wire.session(started, founding.signing_key(call.database))["session"]
    return call.reply(given)


@tokens.asks("ListTokenKeys")
def list_token_keys(call: Call, _request: Any) -> Message:
    """Return the public keys."""
    return call.reply({"key_set_json": json.dumps(founding.public_keys(call.database))})


@tokens.asks("IssueServiceToken")
def issue_service_token(call: Call, request: Any) -> Message:
    """Return a token for a service that knows its secret."""
    if not founding.knows_secret(call.settings, request.service, request.secret):
        raise Unauthenticated("this service is not known by that secret", reason="SECRET_REFUSED")
    token, ends = founding.signing_key(call.database).sign(service_claims(request.service))
    return call.reply({"token": token, "expires_at": wire.moment(ends)})


def keys(database: Database, settings: Any) -> KeyCache:
    """Return the key cache of this process: it reads its own database; makes what a new chain needs
    first."""
    founding.found(database, settings)
    return KeyCache(lambda: founding.public_keys(database))
