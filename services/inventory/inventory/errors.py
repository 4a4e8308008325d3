"""Inventory's refusals stand beside what they guard: here they can be read in one place."""

from __future__ import annotations

from inventory.draw import LotNotSellable
from inventory.lot import ChecksMissing
from inventory.product import SkuTaken
from inventory.reservation import OtherCase, ReservationCommitted
from inventory.set_aside import SetAsideLimit
from inventory.stock import NotHeld, OutOfStock, PieceInTransit, SerialTaken
from inventory.transfer import TransferUnderWay

__all__ = [
    "ChecksMissing",
    "LotNotSellable",
    "NotHeld",
    "OtherCase",
    "OutOfStock",
    "PieceInTransit",
    "ReservationCommitted",
    "SerialTaken",
    "SetAsideLimit",
    "SkuTaken",
    "TransferUnderWay",
]
