"""The catalogue: added, corrected, found by words, code and power."""

from __future__ import annotations

from typing import Any

import pytest

from chassis.errors import AlreadyThere, DomainError, Invalid, NotPermitted, Outdated
from chassis.roles import Role
from optichain.inventory.v1 import inventory_service_pb2 as pb
from optichain.inventory.v1 import product_pb2


def search(stockroom: Any, **wanted: Any) -> list[str]:
    request = pb.SearchProductsRequest(**wanted)
    answer = stockroom.ask(Role.OPTICIAN, request, pb.SearchProductsResponse)
    return [one.sku for one in answer.products]


def get(stockroom: Any, product_id: str) -> product_pb2.Product:
    request = pb.GetProductRequest(product_id=product_id)
    answer: pb.GetProductResponse = stockroom.ask(Role.OPTICIAN, request, pb.GetProductResponse)
    return answer.product


def amendment(product: product_pb2.Product) -> pb.AmendProductRequest:
    return pb.AmendProductRequest(
        product_id=product.envelope.id,
        revision=product.envelope.revision,
        reason="read off the frame",
        sku=product.sku,
        name=product.name,
        brand=product.brand,
        maker=product.maker,
        frame=product.frame,
    )


def test_a_product_comes_back_as_it_was_added(stockroom: Any) -> None:
    product = get(stockroom, stockroom.add_frame())

    assert product.product_kind == product_pb2.PRODUCT_KIND_FRAME
    assert (product.frame.a_micrometres, product.frame.ed_micrometres) == (52_000, 56_000)
    lens = get(stockroom, stockroom.add_lens())
    assert lens.lens.coatings == [1, 2]
    assert lens.power_ranges[0].blank_diameter_micrometres == 70_000


def test_products_are_found_by_words_code_kind_and_power_and_by_page(stockroom: Any) -> None:
    stockroom.add_frame("F-100", frame={"colour": "gun metal"})
    stockroom.add_frame("F-200", frame={"colour": "tortoise"})
    stockroom.add_lens("L-160")

    assert search(stockroom, text="TORT") == ["F-200"]
    assert search(stockroom, text="100%") == []
    assert search(stockroom, sku="L-160") == ["L-160"]
    assert search(stockroom, product_kind=product_pb2.PRODUCT_KIND_FRAME) == ["F-100", "F-200"]
    plus = product_pb2.LensPower(sphere_centidioptres=-700, cylinder_centidioptres=100)
    assert search(stockroom, power=plus) == ["L-160"]
    far = product_pb2.LensPower(sphere_centidioptres=-700)
    assert search(stockroom, power=far) == []

    request = pb.SearchProductsRequest(page_size=2)
    first = stockroom.ask(Role.OPTICIAN, request, pb.SearchProductsResponse)
    request.page_token = first.next_page_token
    rest = stockroom.ask(Role.OPTICIAN, request, pb.SearchProductsResponse)
    assert [one.sku for one in (*first.products, *rest.products)] == ["F-100", "F-200", "L-160"]
    assert not rest.next_page_token


def test_a_code_belongs_to_one_product(stockroom: Any) -> None:
    stockroom.add_frame("F-100")
    with pytest.raises(AlreadyThere) as taken:
        stockroom.add_frame("F-100")
    assert taken.value.code == "SKU_TAKEN"

    other = get(stockroom, stockroom.add_frame("F-200"))
    request = amendment(other)
    request.sku = "F-100"
    with pytest.raises(AlreadyThere) as taken:
        stockroom.ask(Role.PURCHASER, request, pb.AmendProductResponse)
    assert taken.value.code == "SKU_TAKEN"
    assert search(stockroom) == ["F-100", "F-200"]


def test_an_amendment_names_the_revision_it_saw_and_keeps_the_kind(stockroom: Any) -> None:
    product = get(stockroom, stockroom.add_frame())
    request = amendment(product)
    request.frame.colour = "matt black"
    amended = stockroom.ask(Role.PURCHASER, request, pb.AmendProductResponse).product
    assert (amended.envelope.version, amended.frame.colour) == (2, "matt black")
    assert search(stockroom, text="matt") == ["F-100"]

    with pytest.raises(Outdated):
        stockroom.ask(Role.PURCHASER, request, pb.AmendProductResponse)
    request.revision = amended.envelope.revision
    with pytest.raises(DomainError) as same:
        stockroom.ask(Role.PURCHASER, request, pb.AmendProductResponse)
    assert same.value.code == "NOTHING_CHANGED"
    request.goods.CopyFrom(product_pb2.Goods(category="case", unit="piece"))
    with pytest.raises(Invalid):
        stockroom.ask(Role.PURCHASER, request, pb.AmendProductResponse)


def test_a_size_that_cannot_be_is_refused_by_name_and_nothing_is_added(stockroom: Any) -> None:
    with pytest.raises(Invalid) as refused:
        stockroom.add_frame(frame={"ed_micrometres": 90_000})

    assert refused.value.problems[0].field == "ed_micrometres"
    assert search(stockroom) == []


def test_an_optician_does_not_change_the_catalogue(stockroom: Any) -> None:
    request = pb.AddProductRequest(
        sku="C-1", name="Case", goods=product_pb2.Goods(category="case", unit="piece")
    )
    with pytest.raises(NotPermitted):
        stockroom.ask(Role.OPTICIAN, request, pb.AddProductResponse)


def test_a_request_sent_twice_adds_one_product(stockroom: Any) -> None:
    request = pb.AddProductRequest(
        request_id="once",
        sku="C-1",
        name="Case",
        goods=product_pb2.Goods(category="case", unit="piece"),
    )
    first = stockroom.ask(Role.PURCHASER, request, pb.AddProductResponse)
    again = stockroom.ask(Role.PURCHASER, request, pb.AddProductResponse)

    assert first == again
    assert search(stockroom) == ["C-1"]
