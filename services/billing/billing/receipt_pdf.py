"""The receipt as paper: HTML filled from a template and set as a PDF whose Chinese text can be
searched and copied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing.money.ledger import Balance
from billing.money.payment import Payment, PaymentMeans
from billing.order.order import Order
from billing.order.quotation import LineKind, Quotation
from billing.order.terms import Terms
from chassis.records.envelope import Record

_SHOWN_OF_REFERENCE = 4

_KINDS = {
    LineKind.FRAME: "镜架 Frame",
    LineKind.LENS: "镜片 Lens",
    LineKind.SERVICE: "服务 Service",
}
_MEANS = {
    PaymentMeans.CASH: "现金 Cash",
    PaymentMeans.CARD: "银行卡 Card",
    PaymentMeans.WALLET: "移动支付 Wallet",
}


@dataclass(frozen=True)
class Branch:
    """What a receipt says of the branch."""

    name: str
    address: str
    telephone: str


@dataclass(frozen=True, kw_only=True)
class Paper:
    """Everything a receipt shows."""

    number: str
    printed_at: datetime
    branch: Branch
    customer_name: str
    order: Record[Order]
    quotation: Record[Quotation]
    payments: list[Record[Payment]]
    terms: Record[Terms] | None
    balance: Balance
    zone: ZoneInfo


def render(paper: Paper) -> bytes:
    """Return the receipt as a PDF."""
    from weasyprint import HTML  # at the first receipt: it costs every start a second otherwise

    html = _templates.get_template("receipt.html").render(paper=paper)
    pdf: bytes = HTML(string=html).write_pdf()
    return pdf


def amount(minor: int) -> str:
    """Return minor units as people write them: 123456 is 1,234.56."""
    sign = "-" if minor < 0 else ""
    whole, hundredths = divmod(abs(minor), 100)
    return f"{sign}{whole:,}.{hundredths:02d}"


def masked(reference: str) -> str:
    """Return a reference with all but its end hidden."""
    return f"…{reference[-_SHOWN_OF_REFERENCE:]}" if reference else ""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
    )
    filters: dict[str, Any] = {
        "amount": amount,
        "masked": masked,
        "kind": _KINDS.__getitem__,
        "means": _MEANS.__getitem__,
    }
    environment.filters.update(filters)
    return environment


_templates = _environment()
