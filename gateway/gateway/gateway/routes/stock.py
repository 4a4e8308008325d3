"""Frames, lenses and goods: the catalogue, lots and pieces, transfers, set-asides, reservations."""

from __future__ import annotations

from gateway.route import get, post
from optichain.inventory.v1 import inventory_service_pb2 as pb

ABOUT = "Catalogue, lots and pieces, transfers, set-asides, reservations"

ROUTES = (
    post("/products", pb.AddProductRequest),
    get("/products", pb.SearchProductsRequest),
    get("/products/{product_id}", pb.GetProductRequest),
    post("/products/{product_id}/amend", pb.AmendProductRequest),
    get("/products/{product_id}/cost", pb.GetProductCostRequest),
    get("/products/{product_id}/stock", pb.FindStockRequest),
    get("/products/{product_id}/lots", pb.ListLotsRequest),
    get("/products/{product_id}/pieces", pb.ListPiecesRequest),
    post("/lenses/find", pb.FindLensForRequest),
    post("/receipts", pb.ReceiveGoodsRequest),
    get("/lots/{lot_id}", pb.GetLotRequest),
    post("/lots/{lot_id}/accept", pb.AcceptLotRequest),
    post("/lots/{lot_id}/refuse", pb.RefuseLotRequest),
    post("/lots/{lot_id}/lock", pb.LockLotRequest),
    post("/lots/{lot_id}/release", pb.ReleaseLotRequest),
    post("/transfers", pb.RequestTransferRequest),
    get("/transfers/{transfer_id}", pb.GetTransferRequest),
    post("/transfers/{transfer_id}/send", pb.SendTransferRequest),
    post("/transfers/{transfer_id}/receive", pb.ReceiveTransferRequest),
    post("/transfers/{transfer_id}/cancel", pb.CancelTransferRequest),
    post("/set-asides", pb.SetAsideFrameRequest),
    get("/set-asides/{set_aside_id}", pb.GetSetAsideRequest),
    post("/set-asides/{set_aside_id}/release", pb.ReleaseSetAsideRequest),
    post("/set-asides/{set_aside_id}/extend", pb.ExtendSetAsideRequest),
    post("/reservations", pb.ReserveLensRequest),
    get("/reservations/{reservation_id}", pb.GetReservationRequest),
    post("/reservations/{reservation_id}/release", pb.ReleaseReservationRequest),
    post("/reservations/{reservation_id}/replace", pb.ReplaceReservationRequest),
    post("/reservations/{reservation_id}/draw", pb.DrawToJobRequest),
    get("/cases/{case_id}/reservations", pb.ListCaseReservationsRequest),
    get("/cases/{case_id}/draws", pb.ListCaseDrawsRequest),
    post("/breakages", pb.RecordBreakageRequest),
    post("/inventory/reviews/{review_id}/decide", pb.DecideReviewRequest),
)
