"""Starts the api of a service: its own RPCs and those that every service has."""

from __future__ import annotations

import importlib
from typing import Any

from chassis import boot
from chassis.objects import ObjectStore
from chassis.rpc.peers import Peers
from chassis.rpc.server import Steps, serve
from chassis.rpc.shared import SHARED_APIS
from chassis.tokens import KeyCache, Verifier


def run(service: str) -> None:
    """Serve until told to stop. Raises SettingMissing, OSError, RuleMissing, RpcUnserved."""
    settings = boot.start(service, "api")
    module: Any = importlib.import_module(f"{service}.api")
    database = boot.database_of(service, settings)
    peers = Peers(settings, service=service, secret=settings.secret.get_secret_value())
    keys: KeyCache = module.keys(database, settings) if hasattr(module, "keys") else peers.keys
    objects = ObjectStore(settings.s3_url.get_secret_value())
    guard = getattr(module, "GUARD", None)
    steps = Steps(database, peers, Verifier(keys), objects, settings, guard)
    serve([*module.APIS, *SHARED_APIS], steps, getattr(module, "background", None))
    boot.finish(database)
