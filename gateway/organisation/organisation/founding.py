"""What a new chain needs before anybody can sign in: a token key, a head office, a first
administrator."""

from __future__ import annotations

import hmac
import json
import threading
from typing import Any

from chassis import actor, clock, locks
from chassis.db import Database
from chassis.roles import Role
from chassis.sealing import DataKey
from organisation import commands, keys, store
from organisation.branch import BranchKind
from organisation.keys import TokenKey
from organisation.settings import Settings

_signing: dict[int, TokenKey] = {}
_one_at_a_time = threading.Lock()


def found(database: Database, settings: Settings) -> None:
    """Make what is missing, once, however many processes start together."""
    data_key = DataKey(settings.data_key.get_secret_value())
    with database.work(actor.system("organisation")) as work:
        locks.take(work.connection, "founding")
        kept = store.newest_keys(work.connection)
        if kept:
            key = keys.opened(kept[0].key_id, kept[0].sealed_private, data_key)
        else:
            key, sealed, public = keys.make(data_key)
            store.add_key(
                work.connection,
                key_id=key.key_id,
                sealed_private=sealed,
                public=public,
                made_at=clock.now(),
            )
        if settings.first_login and not store.has_staff(work.connection):
            _first_administrator(work, settings)
    with _one_at_a_time:
        _signing[id(database)] = key


def _first_administrator(work: Any, settings: Settings) -> None:
    office = commands.open_branch(
        work,
        name="Head office",
        code="HQ",
        branch_kind=BranchKind.HEAD_OFFICE,
        time_zone="Asia/Shanghai",
    )
    commands.appoint_staff(
        work,
        name=settings.first_login,
        roles=(Role.HEAD_OFFICE,),
        branch_ids=(office.id,),
        login=settings.first_login,
        first_password=settings.first_password.get_secret_value(),
    )


def signing_key(database: Database) -> TokenKey:
    """Return the key this process signs with."""
    return _signing[id(database)]


def public_keys(database: Database) -> dict[str, Any]:
    """Return the public keys as a JSON Web Key Set, newest first."""
    with database.snapshot() as connection:
        return {"keys": [json.loads(row.public) for row in store.newest_keys(connection)]}


def knows_secret(settings: Settings, service: str, secret: str) -> bool:
    """Tell whether a service's secret is right, in constant time."""
    kept = settings.service_secrets.get(service)
    return kept is not None and hmac.compare_digest(kept.get_secret_value(), secret)
