"""Calls of any RPC of the contract: which service answers it, and with which message."""

from __future__ import annotations

from typing import Any

from chain import Chain
from chassis.wire import message_class_of

SHARED = {"optichain.record.v1": "labjob", "optichain.object.v1": "labjob"}
"""What every service serves in the same way, and the one that answers for all of them here."""


def served_by(method: Any) -> str:
    """Return the service that serves an RPC here."""
    package: str = method.containing_service.file.package
    if package == "optichain.auth.v1":
        return "organisation"
    return SHARED.get(package) or package.split(".")[1]


def call(chain: Chain, method: Any, request: Any = None, **who: Any) -> Any:
    """Call an RPC, with an empty request unless one is given."""
    request = request or message_class_of(method.input_type)()
    response = message_class_of(method.output_type)
    return chain.ask(request, response, of=served_by(method), **who)
