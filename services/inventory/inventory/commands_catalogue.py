"""The catalogue: products are added, and corrected with the reason."""

from __future__ import annotations

from chassis.db import UnitOfWork
from chassis.errors import invalid
from chassis.records.envelope import Record
from inventory import store_catalogue
from inventory.frame import Frame
from inventory.lens import Lens, PowerRange
from inventory.product import PRODUCT, Goods, Product, product_kind_of


def add_product(
    work: UnitOfWork,
    *,
    sku: str,
    name: str,
    brand: str = "",
    maker: str = "",
    frame: Frame | None = None,
    lens: Lens | None = None,
    goods: Goods | None = None,
    power_ranges: tuple[PowerRange, ...] = (),
) -> Record[Product]:
    """Add a product. Raises SkuTaken, Invalid."""
    content = Product(
        sku=sku,
        name=name,
        brand=brand,
        maker=maker,
        product_kind=product_kind_of(frame, lens, goods),
        frame=frame,
        lens=lens,
        goods=goods,
        power_ranges=power_ranges,
    )
    product = work.records.add(PRODUCT, content)
    store_catalogue.list_product(work.connection, product)
    return product


def amend_product(
    work: UnitOfWork,
    *,
    product_id: str,
    revision: int,
    reason: str,
    sku: str,
    name: str,
    brand: str = "",
    maker: str = "",
    frame: Frame | None = None,
    lens: Lens | None = None,
    goods: Goods | None = None,
    power_ranges: tuple[PowerRange, ...] = (),
) -> Record[Product]:
    """Correct a product; its kind stays. Raises Unknown, Outdated, NothingChanged, SkuTaken,
    Invalid."""
    product = work.records.live(PRODUCT, product_id, revision=revision)
    if product_kind_of(frame, lens, goods) != product.content.product_kind:
        raise invalid("particulars", "kind", f"this is a {product.content.product_kind} for good")
    amended = work.records.amend(
        product,
        reason_code="CATALOGUE_CORRECTION",
        reason=reason,
        sku=sku,
        name=name,
        brand=brand,
        maker=maker,
        frame=frame,
        lens=lens,
        goods=goods,
        power_ranges=power_ranges,
    )
    store_catalogue.relist_product(work.connection, amended)
    return amended
