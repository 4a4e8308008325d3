"""The customer's approval: what was read back, signed before a witness, on which terms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

from chassis.errors import Refused
from chassis.records.kinds import Kind, Transitions


class ReadBackIncomplete(Refused):
    """Something was not read back, or not acknowledged."""

    reason = "READ_BACK_INCOMPLETE"


@dataclass(frozen=True, kw_only=True)
class ReadBack:
    """What was read back and acknowledged."""

    price: bool = False
    specification: bool = False
    measurements: bool = False
    promise: bool = False
    warranty: bool = False
    redo: bool = False
    limits: bool = False

    def require_complete(self) -> None:
        """Refuse an approval while something is not acknowledged. Raises ReadBackIncomplete."""
        missing = [field.name for field in fields(self) if not getattr(self, field.name)]
        if missing:
            raise ReadBackIncomplete(
                f"read_back: not acknowledged: {', '.join(missing)}",
                missing=[f"read back and acknowledged: {name}" for name in missing],
            )


@dataclass(frozen=True, kw_only=True)
class CustomerApproval:
    """The quotation, measurement, terms, date and total (minor units) that the customer signed."""

    order_id: str
    quotation_id: str
    fitting_measurement_id: str
    terms_id: str
    promised_on: date
    total_minor: int
    read_back: ReadBack
    witness_id: str


APPROVAL = Kind("billing.customer_approval", "apr", CustomerApproval, Transitions("approved"))
