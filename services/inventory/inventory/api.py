"""Inventory's gRPC face. It asks nobody: others ask it."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis.rpc import Api, Call, deciding
from inventory import commands_breakage as breakage
from inventory import commands_catalogue as catalogue
from inventory import commands_drawing as drawing
from inventory import commands_receiving as receiving
from inventory import commands_reservation as reservation
from inventory import commands_review, queries
from inventory import commands_set_aside as set_aside
from inventory import commands_transfer as transfer
from optichain.inventory.v1 import inventory_service_pb2

api = Api(inventory_service_pb2, "InventoryService")
APIS = (api,)

api.commands(
    AddProduct=catalogue.add_product,
    AmendProduct=catalogue.amend_product,
    ReceiveGoods=receiving.receive_goods,
    AcceptLot=receiving.accept_lot,
    RefuseLot=receiving.refuse_lot,
    LockLot=receiving.lock_lot,
    ReleaseLot=receiving.release_lot,
    RequestTransfer=transfer.request_transfer,
    SendTransfer=transfer.send_transfer,
    ReceiveTransfer=transfer.receive_transfer,
    CancelTransfer=transfer.cancel_transfer,
    SetAsideFrame=set_aside.set_aside_frame,
    ReleaseSetAside=set_aside.release_set_aside,
    ExtendSetAside=set_aside.extend_set_aside,
    ReserveLens=reservation.reserve_lens,
    ReleaseReservation=reservation.release_reservation,
    ReplaceReservation=reservation.replace_reservation,
    DrawToJob=drawing.draw_to_job,
    RecordBreakage=breakage.record_breakage,
)
api.queries(
    GetProduct=queries.get_product,
    SearchProducts=queries.search_products,
    FindLensFor=queries.find_lens_for,
    GetLot=queries.get_lot,
    ListLots=queries.list_lots,
    FindStock=queries.find_stock,
    ListPieces=queries.list_pieces,
    GetTransfer=queries.get_transfer,
    GetSetAside=queries.get_set_aside,
    GetReservation=queries.get_reservation,
    ListCaseReservations=queries.list_case_reservations,
    ListCaseDraws=queries.list_case_draws,
    GetProductCost=queries.get_product_cost,
)


@api.asks("DecideReview")
def decide_review(call: Call, request: Any) -> Message:
    """Decide what a change means for a reservation; what changed is kept here."""
    return deciding.decide_review(call, request, commands_review.CONSEQUENCES)
