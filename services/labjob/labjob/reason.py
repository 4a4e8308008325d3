"""Why something went wrong and who answers for it: codes with a fault side, kept as rule data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from chassis.errors import invalid


class FaultSide(StrEnum):
    """Who answers for a fault."""

    PRESCRIBER = "prescriber"
    DISPENSER = "dispenser"
    LAB = "lab"
    SUPPLIER = "supplier"
    COURIER = "courier"
    CUSTOMER = "customer"
    NONE = "none"


def check_reason(known: Mapping[str, Sequence[str]], code: str) -> None:
    """Refuse a code that is not in the table. Raises Invalid (REASON_UNKNOWN)."""
    if code not in known:
        raise invalid(
            "reason_code", "reason", f"must be one of {', '.join(known)}", reason="REASON_UNKNOWN"
        )


def check_fault(known: Mapping[str, Sequence[str]], code: str, side: FaultSide) -> None:
    """Refuse a side that cannot answer for the code. Raises Invalid (REASON_UNKNOWN,
    FAULT_SIDE_UNUSUAL)."""
    check_reason(known, code)
    if side not in known[code]:
        raise invalid(
            "fault_side",
            "reason",
            f"must be {' or '.join(known[code])} for {code}",
            reason="FAULT_SIDE_UNUSUAL",
        )
