"""An earlier report beside this one: what an order costs now by what it cost then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Report = dict[str, Any]

_OF_AN_ORDER = (
    ("cpu_ms_per_order", "own"),
    ("p50_ms",),
    ("per_order", "rpcs"),
    ("per_order", "sql_statements"),
    ("per_order", "transactions"),
    ("per_order", "events"),
)
_OF_THE_MACHINE = (("decode_per_s",), ("floor", "client_cpu_ms_per_order"))
"""What hardly depends on the platform: how far these differ, so far did the machine."""


def earlier(path: Path) -> Report:
    """Read the document that an earlier bench printed. Raises OSError; ValueError for a file that
    is none."""
    found = json.loads(path.read_text())
    if not isinstance(found, dict) or "place_order" not in found:
        raise ValueError(f"{path} is not what the bench printed")
    return found


def ratios(before: Report, after: Report) -> Report:
    """Return before, after and their ratio for an order by how many were placed at once, and for
    the machine; what either report lacks is left out."""
    then, now = before["place_order"], after.get("place_order", {})
    return {
        "place_order": {
            at_once: _compared(then[at_once], now[at_once], _OF_AN_ORDER)
            for at_once in then
            if at_once in now
        },
        "machine": _compared(before, after, _OF_THE_MACHINE),
    }


def _compared(before: Report, after: Report, paths: tuple[tuple[str, ...], ...]) -> Report:
    found: Report = {}
    for path in paths:
        then, now = _at(before, path), _at(after, path)
        if then and now is not None:
            beside = {"before": then, "after": now, "ratio": round(now / then, 2)}
            found[".".join(path)] = beside
    return found


def _at(report: Any, path: tuple[str, ...]) -> float | None:
    for name in path:
        report = report.get(name) if isinstance(report, Mapping) else None
    return report if isinstance(report, int | float) else None
