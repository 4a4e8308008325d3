"""What a frame's box allows, and which lens is made in which power."""

from __future__ import annotations

from collections import deque
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from chassis.money import Money
from inventory.frame import Frame, FrameMaterial, Rim
from inventory.lens import Lens, LensDesign, LensMaterial, LensPower, LensSupply, PowerRange
from inventory.lot import LOT, SELLABLE, Lot
from inventory.product import Product, ProductKind
from inventory.reservation import RESERVATION
from inventory.set_aside import SET_ASIDE


def frame(**changed: Any) -> Frame:
    sizes = {"a_micrometres": 54_000, "b_micrometres": 36_000, "dbl_micrometres": 18_000}
    return Frame(
        **{
            **sizes,
            "temple_micrometres": 140_000,
            "material": FrameMaterial.METAL,
            "colour": "black",
            "rim": Rim.FULL,
            **changed,
        }
    )


def lens(design: LensDesign = LensDesign.SINGLE_VISION) -> Lens:
    return Lens(
        design=design,
        index_thousandths=1600,
        material=LensMaterial.THIOURETHANE,
        supply=LensSupply.STOCK,
    )


def made(low: int = -600, high: int = 400, **more: Any) -> PowerRange:
    return PowerRange(
        sphere_min_centidioptres=low,
        sphere_max_centidioptres=high,
        cylinder_min_centidioptres=-200,
        cylinder_max_centidioptres=0,
        blank_diameter_micrometres=70_000,
        **more,
    )


def refused_field(call: Any) -> str:
    with pytest.raises(Invalid) as refused:
        call()
    return refused.value.problems[0].field


def test_the_effective_diameter_lies_between_the_width_and_the_diagonal_of_the_box() -> None:
    # A54 B36 has a diagonal of 64.90 mm (domain facts, vector D0).
    assert frame(ed_micrometres=64_890).ed_micrometres == 64_890
    for wrong in (53_999, 64_910):
        field = refused_field(lambda ed=wrong: frame(ed_micrometres=ed))
        assert field == "ed_micrometres"


def test_a_frame_has_no_size_of_zero() -> None:
    assert refused_field(lambda: frame(dbl_micrometres=0)) == "dbl_micrometres"


@given(
    sphere=st.integers(-3000, 2500), cylinder=st.integers(-1200, 1200), low=st.integers(-3000, 2500)
)
def test_a_power_is_made_in_a_range_in_either_writing_or_in_neither(
    sphere: int, cylinder: int, low: int
) -> None:
    power = LensPower(sphere_centidioptres=sphere, cylinder_centidioptres=cylinder)
    other = LensPower(sphere_centidioptres=sphere + cylinder, cylinder_centidioptres=-cylinder)
    covering = made(low, low + 1000)

    assert covering.covers(power) == covering.covers(other)
    assert power.in_minus_cylinder() == other.in_minus_cylinder()
    assert power.in_minus_cylinder().cylinder_centidioptres <= 0


def test_plus_one_half_minus_two_and_a_quarter_is_sold_from_the_box_of_its_minus_cylinder() -> None:
    # Vector T2: +1.50 -2.25 x30 is -0.75 +2.25 x120.
    plus = LensPower(sphere_centidioptres=-75, cylinder_centidioptres=225)

    assert plus.in_minus_cylinder() == LensPower(
        sphere_centidioptres=150, cylinder_centidioptres=-225
    )


def test_an_addition_is_made_only_by_designs_that_have_one() -> None:
    with_addition = made(add_min_centidioptres=75, add_max_centidioptres=300)

    lens(LensDesign.PROGRESSIVE).require_ranges([with_addition])
    single, progressive = lens(), lens(LensDesign.PROGRESSIVE)
    assert refused_field(lambda: single.require_ranges([with_addition])) == "power_ranges[0]"
    assert refused_field(lambda: progressive.require_ranges([made()])) == "power_ranges[0]"
    near = LensPower(sphere_centidioptres=0, add_centidioptres=200)
    assert with_addition.covers(near)
    assert not made().covers(near)


def test_ranges_that_overlap_are_refused_since_a_power_would_have_two_blanks() -> None:
    single = lens()
    single.require_ranges([made(-600, -25), made(0, 400)])
    field = refused_field(lambda: single.require_ranges([made(-600, 0), made(0, 400)]))
    assert field == "power_ranges[1]"


def test_a_product_is_exactly_one_kind_of_thing() -> None:
    def product(**given: Any) -> Product:
        return Product(sku="X", name="X", product_kind=ProductKind.FRAME, **given)

    assert product(frame=frame()).frame is not None
    for wrong in ({}, {"lens": lens()}, {"frame": frame(), "lens": lens()}):
        assert refused_field(lambda wrong=wrong: product(**wrong)) == "particulars"
    field = refused_field(lambda: product(frame=frame(), power_ranges=(made(),)))
    assert field == "power_ranges"


def test_a_lot_that_expires_before_it_was_made_is_refused() -> None:
    field = refused_field(
        lambda: Lot(
            product_id="prd",
            lot_number="1",
            receipt_id="rcp",
            quantity=1,
            unit_cost=Money(1, "CNY"),
            manufactured_on=date(2026, 2, 1),
            expires_on=date(2026, 1, 1),
        )
    )
    assert field == "expires_on"


def test_no_lot_becomes_sellable_without_acceptance() -> None:
    """Walks every path of the transition table from receipt, leaving acceptance out."""
    table = LOT.transitions
    seen, waiting = {table.start}, deque([table.start])
    while waiting:
        state = waiting.popleft()
        for verb, froms in table.moves.items():
            if verb != "accept" and state in froms and froms[state] not in seen:
                seen.add(froms[state])
                waiting.append(froms[state])

    assert not seen & set(SELLABLE)
    assert {"refused", "nonconforming", "recalled", "destroyed"} <= seen


@pytest.mark.parametrize("kind", [RESERVATION, SET_ASIDE], ids=lambda kind: kind.name)
def test_what_ended_never_holds_stock_again(kind: Any) -> None:
    ended = {"released", "expired", "consumed", "replaced"}
    for froms in kind.transitions.moves.values():
        assert not ended & set(froms)
