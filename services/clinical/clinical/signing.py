"""Which course lets somebody sign what: rule data, so that a chain may leave a signature to the
role alone."""

from __future__ import annotations

from typing import Any


def course_for(signature: str, body: dict[str, Any]) -> str:
    """Return the course a signature needs; empty when the role is enough."""
    return str(body.get("courses", {}).get(signature, ""))
