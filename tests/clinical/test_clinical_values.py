"""The clinic's own arithmetic: acuity, days by rule, ranges, lenses that are made and fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import clinical
from chassis.errors import Invalid, Refused
from clinical import plausibility, validity
from clinical.dispensing.frame_selection import FrameBox
from clinical.dispensing.lens_product import LensDesign, LensProduct, PowerRange
from clinical.dispensing.lens_specification import LensUse, lenses_for
from clinical.places import Places
from clinical.prescription import (
    PrescribedEye,
    Prescription,
    PrescriptionPurpose,
    PupillaryDistance,
    require_valid,
)
from clinical.refraction import BothEyes, EyeRefraction, Refraction
from clinical.refraction import require_valid as require_valid_refraction
from clinical.value import NOT_MEASURED, Eye, Measured, ValueState
from clinical.visual_acuity import AcuityCondition, AcuityScale, VisualAcuity
from clinical.visual_acuity import check as check_acuities
from optics.power import SpherocylinderPower

UNMEASURED = PupillaryDistance(
    od_micrometres=NOT_MEASURED, os_micrometres=NOT_MEASURED, binocular_micrometres=NOT_MEASURED
)


def rule(name: str) -> Any:
    path = Path(str(clinical.__file__)).parent / "rules" / f"{name}.yaml"
    *_older, newest = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return newest["body"]


def prescription(**changed: Any) -> Prescription:
    known: dict[str, Any] = {
        "visit_id": "vis",
        "purpose": PrescriptionPurpose.DISTANCE,
        "od": PrescribedEye(sphere_centidioptres=-200),
        "os": PrescribedEye(sphere_centidioptres=-200),
        "pd": UNMEASURED,
        "issued_on": date(2026, 11, 22),
        "expires_on": date(2027, 11, 22),
        "recheck_on": date(2027, 11, 22),
        "source_name": "stf",
        **changed,
    }
    return Prescription(**known)


def measured(amount: int) -> Measured:
    return Measured(state=ValueState.MEASURED, amount=amount)


def places_of(refused: Any) -> list[str]:
    return [one.field for one in refused.value.problems]


@pytest.mark.parametrize(
    ("scale", "written", "tenths"),
    [
        (AcuityScale.FIVE_GRADE, "4.8", 48),
        (AcuityScale.DECIMAL, "0.6", 48),
        (AcuityScale.DECIMAL, "0.12", 41),
        (AcuityScale.DECIMAL, "1.2", 51),
        (AcuityScale.DECIMAL, "2.0", 53),
        (AcuityScale.DECIMAL, "0.01", 30),
        (AcuityScale.LOGMAR, "0.3", 47),
        (AcuityScale.LOGMAR, "-0.1", 51),
        (AcuityScale.SNELLEN, "20/40", 47),
        (AcuityScale.SNELLEN, "6/6", 50),
        (AcuityScale.WORD, "CF", None),
    ],
)
def test_acuity_in_any_scale_is_shown_in_five_grades(
    scale: AcuityScale, written: str, tenths: int | None
) -> None:
    acuity = VisualAcuity(
        eye=Eye.OD, condition=AcuityCondition.UNAIDED, scale=scale, written=written
    )
    assert acuity.five_grade_tenths == tenths


@pytest.mark.parametrize(
    ("scale", "written", "rule_broken"),
    [
        (AcuityScale.FIVE_GRADE, "6.0", "range"),
        (AcuityScale.DECIMAL, "0", "scale"),
        (AcuityScale.SNELLEN, "20/0", "scale"),
        (AcuityScale.SNELLEN, "twenty", "scale"),
        (AcuityScale.WORD, "blurry", "word"),
    ],
)
def test_acuity_that_cannot_be_read_is_refused_with_its_place(
    scale: AcuityScale, written: str, rule_broken: str
) -> None:
    acuity = VisualAcuity(
        eye=Eye.OD, condition=AcuityCondition.UNAIDED, scale=scale, written=written
    )
    places = Places()
    check_acuities(places, (acuity,))
    assert [(p.field, p.rule) for p in places.problems] == [
        ("visual_acuities[0].written", rule_broken)
    ]


def test_a_child_is_prescribed_for_six_months_and_an_adult_for_twelve() -> None:
    body = rule("prescription_validity")
    assert validity.expires_on(date(2026, 8, 31), 17, body) == date(2027, 2, 28)
    assert validity.expires_on(date(2026, 8, 31), 18, body) == date(2027, 8, 31)
    assert validity.expires_on(date(2026, 8, 31), None, body) == date(2027, 8, 31)


def test_a_child_is_rechecked_sooner_than_an_adult() -> None:
    body, day = rule("recheck"), date(2026, 12, 1)
    assert validity.recheck_on(day, PrescriptionPurpose.DISTANCE, 9, body) == date(2027, 3, 1)
    assert validity.recheck_on(day, PrescriptionPurpose.DISTANCE, 45, body) == date(2027, 12, 1)


@pytest.mark.parametrize(
    ("eye", "place"),
    [
        ({"sphere_centidioptres": -3025}, "od.sphere_centidioptres"),
        ({"sphere_centidioptres": -210}, "od.sphere_centidioptres"),
        ({"sphere_centidioptres": -200, "cylinder_centidioptres": -50}, "od.axis_degrees"),
        ({"sphere_centidioptres": -200, "axis_degrees": 90}, "od.axis_degrees"),
        (
            {"sphere_centidioptres": -200, "cylinder_centidioptres": -50, "axis_degrees": 181},
            "od.axis_degrees",
        ),
        ({"sphere_centidioptres": -200, "add_centidioptres": 0}, "od.add_centidioptres"),
        ({"sphere_centidioptres": 0, "prism_in_centi_prism_dioptres": 10}, "od.prism_in_"),
        ({"sphere_centidioptres": None}, "od.sphere_centidioptres"),
    ],
)
def test_a_power_outside_its_range_or_without_its_axis_is_refused_with_its_place_and_no_value(
    eye: dict[str, int], place: str
) -> None:
    with pytest.raises(Invalid) as refused:
        require_valid(prescription(od=PrescribedEye(**eye)))
    assert places_of(refused)[0].startswith(place)
    assert "-3025" not in refused.value.text


def test_axis_zero_is_kept_as_180_and_both_cylinder_signs_are_taken() -> None:
    eye = PrescribedEye(sphere_centidioptres=-300, cylinder_centidioptres=100, axis_degrees=0)
    assert eye.axis_degrees == 180
    require_valid(prescription(od=eye))


def test_a_distance_that_is_neither_given_nor_marked_is_refused() -> None:
    pd = replace(UNMEASURED, od_micrometres=Measured(state=ValueState.MEASURED))
    with pytest.raises(Invalid) as refused:
        require_valid(prescription(pd=pd))
    assert places_of(refused) == ["pd.od_micrometres"]


def test_a_prescription_for_no_eye_is_refused() -> None:
    with pytest.raises(Invalid):
        prescription(od=None, os=None)


def test_a_blank_is_not_zero_and_an_unconfirmed_zero_waits_for_the_examiner() -> None:
    zero = Measured(state=ValueState.UNCONFIRMED, amount=0)
    eye = EyeRefraction(
        sphere_centidioptres=measured(-200), cylinder_centidioptres=zero, axis_degrees=zero
    )
    refraction = Refraction(visit_id="vis", subjective=BothEyes(od=eye))
    required = {"subjective": ["sphere_centidioptres", "cylinder_centidioptres"]}

    assert refraction.unconfirmed() == [
        "subjective.od.cylinder_centidioptres",
        "subjective.od.axis_degrees",
    ]
    assert "subjective.od.cylinder_centidioptres" in refraction.missing(required)
    confirmed = eye.confirmed()
    assert confirmed.cylinder_centidioptres == measured(0)
    assert confirmed.axis_degrees == NOT_MEASURED


def test_an_eye_that_could_not_be_examined_needs_its_reason_instead_of_values() -> None:
    blind = EyeRefraction(not_examined_reason="prosthesis")
    seen = EyeRefraction(sphere_centidioptres=measured(-100))
    refraction = Refraction(
        visit_id="vis",
        subjective=BothEyes(od=seen, os=blind),
        visual_acuities=(
            VisualAcuity(
                eye=Eye.OD,
                condition=AcuityCondition.BEST_CORRECTED,
                scale=AcuityScale.DECIMAL,
                written="1.0",
            ),
        ),
    )
    required = {"subjective": ["sphere_centidioptres"], "acuities": ["best_corrected"]}
    assert refraction.missing(required) == []


def test_a_measured_cylinder_without_an_axis_is_refused_in_a_refraction() -> None:
    eye = EyeRefraction(sphere_centidioptres=measured(-200), cylinder_centidioptres=measured(-50))
    with pytest.raises(Invalid) as refused:
        require_valid_refraction(Refraction(visit_id="vis", subjective=BothEyes(os=eye)))
    assert places_of(refused) == ["subjective.os.axis_degrees"]


def unconfirmed(amount: int) -> Measured:
    return Measured(state=ValueState.UNCONFIRMED, amount=amount)


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("sphere_centidioptres", 99_999),
        ("axis_degrees", 999),
        ("add_centidioptres", 9_999),
        ("prism_in_centi_prism_dioptres", -9_999),
    ],
)
def test_a_value_that_waits_for_the_examiner_has_its_range_as_well(name: str, amount: int) -> None:
    eye = EyeRefraction(**{name: unconfirmed(amount)})
    with pytest.raises(Invalid) as refused:
        require_valid_refraction(Refraction(visit_id="vis", subjective=BothEyes(od=eye)))
    assert places_of(refused) == [f"subjective.od.{name}"]


@pytest.mark.parametrize("cylinder", [NOT_MEASURED, unconfirmed(0), measured(0)])
def test_the_axis_of_an_untouched_dial_goes_when_there_is_no_cylinder(cylinder: Measured) -> None:
    eye = EyeRefraction(
        sphere_centidioptres=measured(-200),
        cylinder_centidioptres=cylinder,
        axis_degrees=unconfirmed(0),
    )
    require_valid_refraction(Refraction(visit_id="vis", subjective=BothEyes(od=eye)))
    assert eye.confirmed().axis_degrees == NOT_MEASURED


@given(
    sphere=st.integers(-4000, 4000),
    cylinder=st.integers(-1500, 1500) | st.none(),
    axis=st.integers(-10, 400) | st.none(),
    state=st.sampled_from([ValueState.MEASURED, ValueState.UNCONFIRMED]),
)
def test_what_may_be_recorded_is_still_valid_once_it_is_signed(
    sphere: int, cylinder: int | None, axis: int | None, state: ValueState
) -> None:
    def value(amount: int | None) -> Measured:
        return NOT_MEASURED if amount is None else Measured(state=state, amount=amount)

    eye = EyeRefraction(
        sphere_centidioptres=value(sphere),
        cylinder_centidioptres=value(cylinder),
        axis_degrees=value(axis),
    )
    recorded = Refraction(visit_id="vis", objective=BothEyes(od=eye))
    try:
        require_valid_refraction(recorded)
    except Invalid:
        return
    signed = eye.confirmed()
    require_valid_refraction(Refraction(visit_id="vis", objective=BothEyes(od=signed)))
    assert signed.axis_degrees.is_measured == bool(signed.cylinder_centidioptres.amount)


@pytest.mark.parametrize(
    ("pd", "place"),
    [
        ({"od_micrometres": unconfirmed(31_500)}, "pd.od_micrometres"),
        (
            {
                "od_micrometres": measured(22_000),
                "os_micrometres": measured(38_000),
                "binocular_micrometres": measured(75_000),
            },
            "pd.binocular_micrometres",
        ),
        ({"od_micrometres": measured(22_000), "binocular_micrometres": measured(75_000)}, ""),
        (
            {
                "od_micrometres": measured(31_500),
                "os_micrometres": measured(31_000),
                "binocular_micrometres": measured(62_000),
            },
            "",
        ),
    ],
)
def test_a_distance_is_measured_by_somebody_and_its_halves_make_the_whole(
    pd: dict[str, Measured], place: str
) -> None:
    written = prescription(pd=replace(UNMEASURED, **pd))
    if not place:
        require_valid(written)
        return
    with pytest.raises(Invalid) as refused:
        require_valid(written)
    assert places_of(refused) == [place]


def test_a_prism_of_two_parts_has_the_limit_of_one_eye() -> None:
    parts = {"prism_in_centi_prism_dioptres": 1200, "prism_up_centi_prism_dioptres": -1600}
    require_valid(prescription(od=PrescribedEye(sphere_centidioptres=0, **parts)))
    parts["prism_in_centi_prism_dioptres"] = 2000
    with pytest.raises(Invalid) as refused:
        require_valid(prescription(od=PrescribedEye(sphere_centidioptres=0, **parts)))
    assert places_of(refused) == ["od.prism_in_centi_prism_dioptres"]


def progressive(**changed: Any) -> LensProduct:
    known: dict[str, Any] = {
        "design": LensDesign.PROGRESSIVE,
        "index_thousandths": 1600,
        "supply": "made_to_order",
        "power_ranges": (
            PowerRange(
                sphere_min_centidioptres=-800,
                sphere_max_centidioptres=600,
                cylinder_min_centidioptres=-400,
                cylinder_max_centidioptres=0,
                blank_diameter_micrometres=70_000,
                add_min_centidioptres=75,
                add_max_centidioptres=300,
            ),
        ),
        **changed,
    }
    return LensProduct(**known)


def test_a_range_written_in_minus_cylinder_covers_the_plus_cylinder_writing_of_the_same_lens() -> (
    None
):
    written = PrescribedEye(
        sphere_centidioptres=-900,
        cylinder_centidioptres=200,
        axis_degrees=90,
        add_centidioptres=200,
    )
    lenses = lenses_for(prescription(od=written, os=None), progressive(), LensUse.AS_PRESCRIBED)
    assert lenses[Eye.OD].sphere_centidioptres == -900
    assert lenses[Eye.OD].blank_diameter_micrometres == 70_000


@pytest.mark.parametrize(
    ("eye", "reason"),
    [
        (PrescribedEye(sphere_centidioptres=-825, add_centidioptres=200), "POWER_NOT_COVERED"),
        (PrescribedEye(sphere_centidioptres=-200, add_centidioptres=325), "POWER_NOT_COVERED"),
        (PrescribedEye(sphere_centidioptres=-200), "ADD_MISSING"),
    ],
)
def test_a_power_the_product_is_not_made_in_is_refused_by_eye(
    eye: PrescribedEye, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        lenses_for(prescription(os=None, od=eye), progressive(), LensUse.AS_PRESCRIBED)
    assert refused.value.code == reason
    assert refused.value.details["eye"] == "od"


def test_single_vision_lenses_for_near_take_the_addition_into_the_sphere() -> None:
    product = LensProduct(
        design=LensDesign.SINGLE_VISION,
        index_thousandths=1500,
        power_ranges=(
            PowerRange(
                sphere_min_centidioptres=-600,
                sphere_max_centidioptres=400,
                cylinder_min_centidioptres=-200,
                cylinder_max_centidioptres=0,
                blank_diameter_micrometres=65_000,
            ),
        ),
        supply="stock",
    )
    both = prescription(os=None, od=PrescribedEye(sphere_centidioptres=-100, add_centidioptres=225))
    near = lenses_for(both, product, LensUse.NEAR)[Eye.OD]
    assert (near.sphere_centidioptres, near.add_centidioptres) == (125, None)
    prism = prescription(
        os=None, od=PrescribedEye(sphere_centidioptres=-100, prism_up_centi_prism_dioptres=100)
    )
    with pytest.raises(Refused) as refused:
        lenses_for(prism, product, LensUse.AS_PRESCRIBED)
    assert refused.value.code == "PRISM_NOT_COVERED"


def test_a_frame_without_a_measured_effective_diameter_counts_by_its_upper_bound() -> None:
    box = FrameBox(a_micrometres=54_000, b_micrometres=36_000, dbl_micrometres=18_000)
    assert box.effective_diameter_micrometres == 64_900
    with pytest.raises(Invalid):
        replace(box, a_micrometres=0)


def test_findings_that_ask_for_it_must_be_confirmed_and_strong_ones_by_two_people() -> None:
    known = plausibility.Circumstances(
        age_years=40,
        previous=prescription(od=PrescribedEye(sphere_centidioptres=200)),
        day=date(2026, 11, 22),
    )
    found = plausibility.findings(prescription(), known, rule("plausibility"))
    codes = {one.rule for one in found if one.severity != "warn"}
    assert codes == {"R1", "R2", "R5"}

    with pytest.raises(Refused) as unconfirmed:
        plausibility.confirmed(found, ("R2",), second_person_id="")
    assert unconfirmed.value.code == "PLAUSIBILITY_UNCONFIRMED"
    assert unconfirmed.value.details["rules"] == "R1,R5"
    with pytest.raises(Refused) as alone:
        plausibility.confirmed(found, codes, second_person_id="")
    assert alone.value.code == "SECOND_PERSON_MISSING"
    with pytest.raises(Refused) as unanswered:
        plausibility.confirmed(found, codes, second_person_id="stf_b")
    assert unanswered.value.code == "SECOND_PERSON_MISSING"
    answered = plausibility.confirmed(found, codes, second_person_id="stf_b", backed_rules=codes)
    assert all(one.is_confirmed for one in answered if one.severity != "warn")


@given(
    sphere=st.integers(-40, 40),
    cylinder=st.integers(-16, 16).filter(bool),
    axis=st.integers(1, 180),
)
def test_a_lens_is_covered_or_not_whichever_way_its_cylinder_is_written(
    sphere: int, cylinder: int, axis: int
) -> None:
    power = SpherocylinderPower(25 * sphere, 25 * cylinder, axis)
    made = progressive().power_ranges[0]
    assert made.covers(power, 200) == made.covers(power.transposed(), 200)


@given(day=st.dates(date(2000, 1, 1), date(2090, 1, 1)), months=st.integers(1, 60))
def test_months_later_is_never_a_month_too_far(day: date, months: int) -> None:
    later = validity.months_after(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later + timedelta(days=1)).day == 1
