"""A tray on its way: out to the lab with frame and ticket, back to the branch with the finished
pair, and the receipts at both ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.records.kinds import Kind, Transitions, moves


class ShipmentDirection(StrEnum):
    """Which way a tray travels."""

    TO_LAB = "to_lab"
    TO_BRANCH = "to_branch"


class ArrivalCondition(StrEnum):
    """How what arrived looked."""

    AS_SENT = "as_sent"
    DAMAGED = "damaged"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One job's tray from one place to another."""

    job_id: str
    slip_number: str
    direction: ShipmentDirection
    from_id: str
    to_id: str
    tray_code: str
    frame_product_id: str
    frame_serial: str
    ticket_version: int
    courier_id: str = ""


SHIPMENT = Kind(
    "labjob.shipment",
    "shp",
    Shipment,
    Transitions(
        "packed",
        moves(
            take={"packed": "in_transit"},
            hand_over={"in_transit": "delivered"},
            # What arrived has arrived, whoever forgot to say that it left.
            receive={"packed": "received", "in_transit": "received", "delivered": "received"},
        ),
    ),
    progress=frozenset({"courier_id"}),
)


@dataclass(frozen=True, kw_only=True)
class LabReceipt:
    """The lab received a tray."""

    job_id: str
    shipment_id: str
    condition: ArrivalCondition
    note: str


LAB_RECEIPT = Kind("labjob.lab_receipt", "lrc", LabReceipt, Transitions("recorded"))


@dataclass(frozen=True, kw_only=True)
class BranchReceipt:
    """The branch received a finished pair; it is not checked yet."""

    job_id: str
    shipment_id: str
    condition: ArrivalCondition
    note: str


BRANCH_RECEIPT = Kind("labjob.branch_receipt", "brc", BranchReceipt, Transitions("recorded"))
