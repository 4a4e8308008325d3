"""Verification power and ordered centration follow from prescription and measurement, or nothing is
released."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from labjob.job import FrameOrigin
from labjob.lens import Eye, VerificationPower
from labjob.order_basis import (
    BasisEye,
    BasisFitting,
    HeldStock,
    NotDerivable,
    OrderBasis,
    OrderNotConfirmed,
    ReservationMissing,
)
from optics.power import SpherocylinderPower

FRAME, LENS = new_id("prd"), new_id("prd")


def eye(sphere: int = -300, cylinder: int = -125, axis: int | None = 180, **more: Any) -> BasisEye:
    usual: dict[str, Any] = {
        "sphere_centidioptres": sphere,
        "cylinder_centidioptres": cylinder,
        "axis_degrees": axis,
        "add_centidioptres": None,
        "prism_in_centi_prism_dioptres": 0,
        "prism_up_centi_prism_dioptres": 0,
    }
    return BasisEye(**(usual | more))


def fitted(pd: int | None = 31_000, near_pd: int | None = None) -> BasisFitting:
    return BasisFitting(
        monocular_pd_micrometres=pd,
        near_pd_micrometres=near_pd,
        fitting_height_micrometres=None,
        segment_height_micrometres=None,
    )


def lens_held(which: Eye, reservation_id: str) -> HeldStock:
    return HeldStock(
        id=reservation_id,
        state="reserved",
        product_id=LENS,
        is_frame=False,
        eye=which,
        sphere_centidioptres=-300,
        cylinder_centidioptres=-125,
    )


FRAME_HELD = HeldStock(id=new_id("rsv"), state="reserved", product_id=FRAME, is_frame=True)
R_OD, R_OS = new_id("rsv"), new_id("rsv")


def basis(**changed: Any) -> OrderBasis:
    usual = OrderBasis(
        order_id=new_id("ord"),
        order_state="confirmed",
        case_id=new_id("case"),
        customer_id=new_id("cus"),
        branch_id=new_id("br"),
        promised_on=date(2026, 12, 1),
        reservation_ids=(R_OD, R_OS),
        set_aside_id="",
        terms_id=new_id("trm"),
        terms_version=1,
        warranty_days=365,
        prescription_id=new_id("rx"),
        prescribed_od=eye(),
        prescribed_os=eye(),
        lens_specification_id=new_id("lsp"),
        is_for_near=False,
        is_centred_for_near=False,
        specified_od=eye(),
        specified_os=eye(),
        lens_design="single_vision",
        lens_product_id=LENS,
        lens_supply="stock",
        frame_selection_id=new_id("fsl"),
        frame_origin=FrameOrigin.STOCK,
        frame_product_id=FRAME,
        fitting_measurement_id=new_id("fmm"),
        fitted_od=fitted(),
        fitted_os=fitted(),
        held=(FRAME_HELD, lens_held(Eye.OD, R_OD), lens_held(Eye.OS, R_OS)),
    )
    return replace(usual, **changed)


def test_a_prescription_written_in_plus_cylinder_is_ordered_in_minus_cylinder() -> None:
    plus = eye(-425, 125, 90)
    pair = basis(prescribed_od=plus, specified_od=plus).ordered_pair()
    assert pair.od == VerificationPower(
        sphere_centidioptres=-300, cylinder_centidioptres=-125, axis_degrees=180
    )
    assert pair.centration.od.monocular_distance_micrometres == 31_000


@given(st.integers(-1000, 1000), st.integers(-400, 400), st.integers(1, 180))
def test_the_ordered_lens_is_the_prescribed_one_however_both_are_written(
    sphere: int, cylinder: int, axis: int
) -> None:
    power = SpherocylinderPower(sphere, cylinder, axis if cylinder else None)
    other = power.transposed()
    prescribed = eye(sphere, cylinder, power.axis_degrees)
    specified = eye(other.sphere_centidioptres, other.cylinder_centidioptres, other.axis_degrees)
    ordered = basis(prescribed_od=prescribed, specified_od=specified).ordered_pair().od
    assert ordered is not None
    assert ordered.in_optics().power.is_same_lens_as(power)


def test_a_near_pair_has_the_addition_in_its_sphere_and_a_distance_pair_has_none() -> None:
    prescribed = eye(add_centidioptres=200)
    near = basis(
        is_for_near=True,
        prescribed_od=prescribed,
        prescribed_os=prescribed,
        specified_od=eye(-100),
        specified_os=eye(-100),
    ).ordered_pair()
    assert near.od is not None
    assert (near.od.sphere_centidioptres, near.od.addition_centidioptres) == (-100, None)
    far = basis(prescribed_od=prescribed, prescribed_os=prescribed).ordered_pair()
    assert far.od is not None
    assert (far.od.sphere_centidioptres, far.od.addition_centidioptres) == (-300, None)


def test_a_near_pair_is_centred_on_the_near_distance_and_never_on_the_one_for_far() -> None:
    measured = {"fitted_od": fitted(near_pd=29_000), "fitted_os": fitted(near_pd=28_500)}
    near = basis(is_centred_for_near=True, **measured).ordered_pair().centration
    assert near.od.monocular_distance_micrometres == 29_000
    assert near.os.monocular_distance_micrometres == 28_500
    far = basis(**measured).ordered_pair().centration
    assert far.od.monocular_distance_micrometres == 31_000
    with pytest.raises(NotDerivable):
        basis(is_centred_for_near=True).ordered_pair()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"specified_od": eye(axis=170)}, "RX_MISMATCH"),
        ({"specified_os": eye(sphere=300)}, "RX_MISMATCH"),
        ({"prescribed_os": None}, "NOT_DERIVABLE"),
        ({"fitted_od": fitted(None)}, "NOT_DERIVABLE"),
        ({"fitted_od": None}, "NOT_DERIVABLE"),
        ({"specified_od": None, "specified_os": None}, "NOT_DERIVABLE"),
    ],
)
def test_what_does_not_follow_is_not_released(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(NotDerivable) as refused:
        basis(**changed).ordered_pair()
    assert refused.value.code == code


def test_one_eye_alone_can_be_made() -> None:
    pair = basis(specified_os=None).ordered_pair()
    assert [which for which, _ in pair.lenses()] == [Eye.OD]


def test_frame_and_both_lenses_must_be_held_and_each_missing_one_is_named() -> None:
    pair = basis().ordered_pair()
    assert [lens.eye for lens in basis().reserved_lenses(pair)] == [Eye.OD, Eye.OS]
    with pytest.raises(ReservationMissing) as refused:
        basis(held=()).reserved_lenses(pair)
    assert refused.value.missing == (
        "frame set aside or reserved at the branch",
        "lens reserved in the ordered power: od",
        "lens reserved in the ordered power: os",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"sphere_centidioptres": -325},
        {"state": "released"},
        {"state": "broken"},
        {"product_id": new_id("prd")},
        {"eye": Eye.OS},
        {"id": new_id("rsv")},
        {"add_centidioptres": 200},
        {"order_id": new_id("ord")},
    ],
)
def test_a_lens_that_is_not_the_ordered_one_does_not_count_as_reserved(
    wrong: dict[str, Any],
) -> None:
    od = replace(lens_held(Eye.OD, R_OD), **wrong)
    one = basis(held=(FRAME_HELD, od, lens_held(Eye.OS, R_OS)))
    with pytest.raises(ReservationMissing):
        one.reserved_lenses(one.ordered_pair())


def test_a_lens_that_took_the_place_of_the_quoted_one_is_held_for_the_order() -> None:
    """Its lot was locked, or it ran out before it was paid: the order took another one up."""
    in_place = replace(lens_held(Eye.OD, new_id("rsv")), order_id="ord_own")
    one = basis(held=(FRAME_HELD, in_place, lens_held(Eye.OS, R_OS)), order_id="ord_own")
    assert [lens.reservation_id for lens in one.reserved_lenses(one.ordered_pair())] == [
        in_place.id,
        R_OS,
    ]


def test_a_frame_that_another_order_took_up_does_not_count_as_held() -> None:
    aside = HeldStock(id=new_id("sta"), state="reserved", product_id=FRAME, is_frame=True)
    taken = replace(FRAME_HELD, set_aside_id=aside.id, order_id=new_id("ord"))
    lenses = (lens_held(Eye.OD, R_OD), lens_held(Eye.OS, R_OS))
    pair = basis().ordered_pair()

    with pytest.raises(ReservationMissing) as refused:
        basis(held=(taken, aside, *lenses), set_aside_id=aside.id).reserved_lenses(pair)

    assert refused.value.missing == ("frame set aside or reserved at the branch",)
    own = replace(taken, order_id="ord_own")
    assert basis(held=(own, aside, *lenses), order_id="ord_own").reserved_lenses(pair)


def test_a_customers_own_frame_need_not_be_held() -> None:
    own = basis(
        frame_origin=FrameOrigin.OWN,
        frame_product_id="",
        held=(lens_held(Eye.OD, R_OD), lens_held(Eye.OS, R_OS)),
    )
    assert len(own.reserved_lenses(own.ordered_pair())) == 2


def test_only_a_confirmed_order_is_released() -> None:
    assert basis().require_released_from(("confirmed",)) == date(2026, 12, 1)
    for state in ("quoted", "approved", "cancelled", "collected"):
        with pytest.raises(OrderNotConfirmed):
            basis(order_state=state).require_released_from(("confirmed",))
    with pytest.raises(OrderNotConfirmed):
        basis(promised_on=None).require_released_from(("confirmed",))
