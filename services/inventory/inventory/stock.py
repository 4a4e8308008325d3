"""Stock as it is counted: frames piece by piece, lenses and goods by lot, branch and power."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import AlreadyThere, Refused
from inventory.lens import LensPower


class OutOfStock(Refused):
    """Too few are free in a sellable lot at the branch, whoever asks at the same time."""

    reason = "OUT_OF_STOCK"


class NotHeld(Refused):
    """The set-aside or transfer no longer holds the stock it names."""

    reason = "NOT_HELD"


class PieceInTransit(Refused):
    """The piece travels, so nobody has it in hand."""

    reason = "IN_TRANSIT"


class SerialTaken(AlreadyThere):
    """A piece of this product has this serial number already."""

    reason = "SERIAL_TAKEN"


class PieceState(StrEnum):
    """What became of one piece of a frame."""

    FREE = "free"
    SET_ASIDE = "set_aside"
    RESERVED = "reserved"
    DRAWN = "drawn"
    CONSUMED = "consumed"
    BROKEN = "broken"


class Cause(StrEnum):
    """Why the count at a branch changed: the words of the stock movements."""

    RECEIVED = "received"
    SENT = "sent"
    ARRIVED = "arrived"
    DRAWN = "drawn"
    CONSUMED = "consumed"
    BROKEN = "broken"
    ADJUSTED = "adjusted"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of a frame. `holder_id` is the set-aside, reservation or transfer that holds it."""

    id: str
    product_id: str
    lot_id: str
    branch_id: str
    serial: str
    state: PieceState
    holder_id: str
    transfer_id: str

    @property
    def is_in_transit(self) -> bool:
        """Tell whether it travels."""
        return bool(self.transfer_id)


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where lenses or goods are counted: one lot, one branch, one power (none for goods)."""

    product_id: str
    lot_id: str
    branch_id: str
    power: LensPower | None = None


@dataclass(frozen=True, kw_only=True)
class StockQuantity:
    """Lenses or goods moved by their count."""

    quantity: int
    power: LensPower | None = None


@dataclass(frozen=True, kw_only=True)
class StockAtBranch:
    """How much of a product one branch could sell now."""

    branch_id: str
    free: int
