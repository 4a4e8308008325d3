"""Time as records know it: UTC instants, and dates by the zone of a branch."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


def today(zone: str) -> date:
    """Return today's date where a branch stands, by its IANA zone such as Asia/Shanghai."""
    return datetime.now(ZoneInfo(zone)).date()
