"""Billing's refusals stand beside what they guard: here they can be read in one place."""

from __future__ import annotations

from billing.money.payment import BalanceDue, Overpayment, ReferenceUsed, RefundDue
from billing.money.policy import DiscountAboveLimit
from billing.money.price_list import EditionTaken, NoPriceList, PriceMissing
from billing.money.receipt import NothingPaid
from billing.order.approval import ReadBackIncomplete
from billing.order.basis import OtherCase, StockNotHeld, StockSold
from billing.order.lens import LensNotAsSpecified
from billing.order.order import (
    FollowUpOpen,
    JobIsReleased,
    ManagerNeeded,
    NotConfirmable,
    OrderEnded,
)
from billing.order.promise import NotPromised, ReasonMissing
from billing.order.quotation import QuotationExpired
from billing.order.terms import NoTerms, TermsNotInForce

__all__ = [
    "BalanceDue",
    "DiscountAboveLimit",
    "EditionTaken",
    "FollowUpOpen",
    "JobIsReleased",
    "LensNotAsSpecified",
    "ManagerNeeded",
    "NoPriceList",
    "NoTerms",
    "NotConfirmable",
    "NotPromised",
    "NothingPaid",
    "OrderEnded",
    "OtherCase",
    "Overpayment",
    "PriceMissing",
    "QuotationExpired",
    "ReadBackIncomplete",
    "ReasonMissing",
    "ReferenceUsed",
    "RefundDue",
    "StockNotHeld",
    "StockSold",
    "TermsNotInForce",
]
