"""The order: prices and terms, quotation, approval, promise, payments, receipt."""

from __future__ import annotations

from gateway.route import get, post
from optichain.billing.v1 import billing_service_pb2 as pb

ABOUT = "Prices and terms, orders, approvals, promises, payments"

ROUTES = (
    post("/price-lists", pb.PublishPriceListRequest),
    get("/prices", pb.ListPricesRequest),
    post("/terms", pb.PublishTermsRequest),
    get("/terms", pb.GetTermsRequest),
    post("/orders", pb.QuoteOrderRequest),
    get("/orders", pb.ListOrdersRequest),
    get("/orders/{order_id}", pb.GetOrderRequest),
    post("/orders/{order_id}/requote", pb.RequoteOrderRequest),
    post("/orders/{order_id}/approve", pb.ApproveOrderRequest),
    post("/orders/{order_id}/payments", pb.TakePaymentRequest),
    post("/orders/{order_id}/confirm", pb.ConfirmOrderRequest),
    post("/orders/{order_id}/void", pb.VoidOrderRequest),
    post("/orders/{order_id}/re-promise", pb.RePromiseRequest),
    post("/orders/{order_id}/close", pb.CloseOrderRequest),
    get("/orders/{order_id}/ledger", pb.GetLedgerRequest),
    get("/orders/{order_id}/receipt", pb.GetReceiptRequest),
    get("/orders/{order_id}/settled", pb.RequireSettledRequest),
    get("/orders/{order_id}/promises", pb.ListPromisesRequest),
    get("/promises/at-risk", pb.ListPromisesAtRiskRequest),
    post("/billing/reviews/{review_id}/decide", pb.DecideReviewRequest),
)
