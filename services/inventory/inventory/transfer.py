"""A transfer: stock that goes from the branch that has it to the branch that wants it."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions, moves
from inventory.lens import LensPower


class TransferUnderWay(Refused):
    """Another transfer of the piece was asked for or sent, and is neither received nor given up."""

    reason = "TRANSFER_UNDER_WAY"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What goes, from where, to where. Raises Invalid (SAME_BRANCH) and for no pieces."""

    product_id: str
    from_branch_id: str
    to_branch_id: str
    quantity: int
    power: LensPower | None = None
    set_aside_id: str = ""
    piece_ids: tuple[str, ...] = ()
    lot_id: str = ""
    carrier: str = ""

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise invalid("quantity", "count", "must be above zero")
        if self.from_branch_id == self.to_branch_id:
            text = "is where the stock lies already"
            raise invalid("to_branch_id", "branch", text, reason="SAME_BRANCH")


TRANSFER = Kind(
    "inventory.transfer",
    "trf",
    Transfer,
    Transitions(
        "requested",
        moves(
            send={"requested": "sent"},
            receive={"sent": "received"},
            cancel={"requested": "cancelled"},
        ),
    ),
    progress=frozenset({"carrier"}),
)

UNDER_WAY = ("requested", "sent")
"""States of a transfer that is neither received nor given up."""
