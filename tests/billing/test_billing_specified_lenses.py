"""What is reserved for an order is what was specified: for each eye a lens, of that product, in
that power."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing import wire
from billing.order.basis import Basis, Goods
from billing.order.lens import Eye, LensPower
from chassis.errors import Refused
from chassis.ids import new_id
from optichain.clinical.v1.frame_selection_pb2 import FRAME_SOURCE_OWN, FrameSelection
from optichain.clinical.v1.lens_specification_pb2 import LensSpecification, SpecifiedLens
from optichain.inventory.v1 import product_pb2, reservation_pb2
from optichain.inventory.v1.inventory_service_pb2 import ListCaseReservationsResponse
from optichain.record.v1.envelope_pb2 import Envelope

RIGHT, LEFT = new_id("rsv"), new_id("rsv")


def refused(basis: Basis, *reservation_ids: str) -> Refused:
    with pytest.raises(Refused) as caught:
        basis.require_held("", reservation_ids)
    return caught.value


def pair_in_own_frame(shop: Any, **right: Any) -> Basis:
    """Return lenses in an own frame, both reserved; the right one is changed as told."""
    od, os = shop.reserved(RIGHT, LEFT)
    basis: Basis = shop.own_frame()["basis"]
    return replace(basis, reservations=[replace(od, **right), os])


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        (
            {"power": LensPower(sphere_centidioptres=-225, cylinder_centidioptres=-50)},
            ["reservation_ids[0]: od sphere_centidioptres as specified"],
        ),
        (
            {"power": LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-75)},
            ["reservation_ids[0]: od cylinder_centidioptres as specified"],
        ),
        (
            {"power": replace(LensPower(sphere_centidioptres=-200), add_centidioptres=100)},
            [
                "reservation_ids[0]: od cylinder_centidioptres as specified",
                "reservation_ids[0]: od add_centidioptres as specified",
            ],
        ),
        (
            {"product_id": new_id("prd")},
            ["reservation_ids[0]: od product_id as specified"],
        ),
    ],
)
def test_a_reserved_lens_that_is_not_the_specified_one_is_not_quoted(
    shop: Any, changed: dict[str, Any], missing: list[str]
) -> None:
    refusal = refused(pair_in_own_frame(shop, **changed), RIGHT, LEFT)

    assert refusal.code == "LENS_NOT_AS_SPECIFIED"
    assert list(refusal.missing) == missing
    assert not {"200", "225", "50", "75"} & set(refusal.text.replace("-", " ").split())


def test_an_order_is_not_quoted_while_no_lens_is_reserved_for_an_eye(shop: Any) -> None:
    refusal = refused(pair_in_own_frame(shop), RIGHT)
    assert (refusal.code, list(refusal.missing)) == ("STOCK_NOT_HELD", ["lens reserved: os"])
    assert list(refused(pair_in_own_frame(shop)).missing) == [
        "lens reserved: od",
        "lens reserved: os",
    ]


def test_two_lenses_for_one_eye_are_no_pair_and_a_lens_for_no_eye_is_not_sold(shop: Any) -> None:
    both_left = pair_in_own_frame(shop, eye=Eye.OS)
    assert list(refused(both_left, RIGHT, LEFT).missing) == ["lens reserved: od"]

    one_eye = replace(pair_in_own_frame(shop), lenses={Eye.OS: shop.reserved(RIGHT)[0].power})
    assert list(refused(one_eye, RIGHT, LEFT).missing) == [
        "reservation_ids[0]: eye as specified",
    ]
    one_eye.require_held("", (LEFT,))


def test_a_lens_that_is_made_to_order_is_quoted_before_it_is_there_and_then_as_specified(
    shop: Any,
) -> None:
    basis = pair_in_own_frame(shop, power=LensPower(sphere_centidioptres=-225))
    ordered = replace(
        basis, goods={shop.lens_id: Goods(name="L", unit_cost_minor=1, is_made_to_order=True)}
    )

    ordered.require_held("", ())
    assert refused(ordered, RIGHT).code == "LENS_NOT_AS_SPECIFIED"


def test_a_specification_in_plus_cylinder_fits_the_lens_as_its_box_is_labelled() -> None:
    lens_id, selection_id = new_id("prd"), new_id("fsl")
    selection = FrameSelection(envelope=Envelope(id=selection_id), source=FRAME_SOURCE_OWN)
    specification = LensSpecification(
        frame_selection_id=selection_id,
        product_id=lens_id,
        os=SpecifiedLens(sphere_centidioptres=-250, cylinder_centidioptres=50, axis_degrees=90),
    )
    lens = reservation_pb2.Reservation(
        envelope=Envelope(id=LEFT, state="reserved"),
        product_id=lens_id,
        eye=reservation_pb2.EYE_OS,
        power=product_pb2.LensPower(sphere_centidioptres=-200, cylinder_centidioptres=-50),
    )
    held = ListCaseReservationsResponse(reservations=[lens])
    goods = {lens_id: Goods(name="L", unit_cost_minor=1)}

    wire.basis(selection, specification, held, goods, ()).require_held("", (LEFT,))

    lens.eye = reservation_pb2.EYE_OD
    other_eye = ListCaseReservationsResponse(reservations=[lens])
    basis = wire.basis(selection, specification, other_eye, goods, ())
    assert refused(basis, LEFT).code == "LENS_NOT_AS_SPECIFIED"
