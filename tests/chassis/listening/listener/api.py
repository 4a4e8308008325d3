"""Listener's gRPC face: it writes down a name that somebody says, and fails when told to."""

from __future__ import annotations

from sqlalchemy import text

from chassis.db import UnitOfWork
from chassis.rpc import Api
from small_contract import SERVICE, STAFF, contract

api = Api(contract(NoteName=STAFF), SERVICE)
APIS = (api,)


def note_name(work: UnitOfWork, *, name: str) -> dict[str, str]:
    """Write a name down, unless told to fail for it."""
    work.connection.execute(
        text("INSERT INTO heard (branch_id, name) VALUES (:branch_id, :name)"),
        {"branch_id": work.actor.branch_id, "name": name},
    )
    if name in work.connection.execute(text("SELECT fails FROM behaviour")).scalars():
        raise ValueError(f"cannot write {name}")
    return {"name": name}


api.commands(NoteName=note_name)
