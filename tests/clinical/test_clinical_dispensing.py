"""Dispensing: the frame chosen, the lenses that are made for it, and what is measured on it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chassis import clock
from chassis.errors import Invalid, Refused
from chassis.ids import new_id
from chassis.roles import Role
from clinical import commands_frame
from clinical.dispensing.fitting_measurement import Adjustment, EyeFitting
from clinical.dispensing.frame_selection import FrameSource, OwnFrame
from clinical.dispensing.lens_product import LensDesign, PowerRange
from clinical.dispensing.lens_specification import LensUse
from clinical.dispensing.needs_analysis import Activity
from clinical.prescription import PrescribedEye, PrescriptionPurpose
from clinical.value import Measured, ValueState
from optichain.clinical.v1 import clinical_service_pb2 as pb
from optichain.clinical.v1 import frame_selection_pb2, lens_specification_pb2
from optichain.inventory.v1 import inventory_service_pb2 as inventory_pb
from optichain.inventory.v1 import product_pb2
from optichain.record.v1 import record_service_pb2 as records


def measured(amount: int) -> Measured:
    return Measured(state=ValueState.MEASURED, amount=amount)


def lens_product(**changed: Any) -> Any:
    """A lens of the catalogue as the command gets it."""
    from clinical.dispensing.lens_product import LensProduct

    known: dict[str, Any] = {
        "design": LensDesign.SINGLE_VISION,
        "index_thousandths": 1600,
        "supply": "stock",
        "power_ranges": (power_range(),),
        **changed,
    }
    return LensProduct(**known)


def power_range(blank: int = 65_000, **changed: Any) -> PowerRange:
    known: dict[str, Any] = {
        "sphere_min_centidioptres": -600,
        "sphere_max_centidioptres": 400,
        "cylinder_min_centidioptres": -200,
        "cylinder_max_centidioptres": 0,
        "blank_diameter_micrometres": blank,
        **changed,
    }
    return PowerRange(**known)


def test_needs_are_asked_before_frames_are_shown_and_the_selection_follows_them(
    clinic: Any,
) -> None:
    prescription = clinic.prescription()
    needs = clinic.run(
        clinic.optician,
        commands_frame.record_needs_analysis,
        visit_id=prescription.content.visit_id,
        activities=(Activity.SCREEN, Activity.DRIVING),
        screen_hours=9,
    )
    frame = clinic.frame(prescription, needs_analysis_id=needs.id)
    assert frame.content.needs_analysis_id == needs.id
    other = clinic.prescription()
    with pytest.raises(Refused) as refused:
        clinic.frame(other, needs_analysis_id=needs.id)
    assert refused.value.code == "CASE_DIFFERS"


def test_an_own_frame_needs_its_photo_its_sizes_and_the_customers_word(clinic: Any) -> None:
    prescription = clinic.prescription()
    own: dict[str, Any] = {
        "source": FrameSource.OWN,
        "product_id": "",
        "own_frame": OwnFrame(description="steel, 2019", condition="pads worn"),
        "evidence_keys": (clinic.photo(),),
        "is_risk_acknowledged": True,
    }
    assert clinic.frame(prescription, **own).content.is_own
    for changed, code in (
        ({"evidence_keys": ()}, "PHOTO_MISSING"),
        ({"is_risk_acknowledged": False}, "RISK_UNACKNOWLEDGED"),
        ({"own_frame": None}, "INVALID"),
        ({"box": None}, "INVALID"),
    ):
        with pytest.raises((Refused, Invalid)) as refused:
            clinic.frame(prescription, **{**own, **changed})
        assert refused.value.code == code
    with pytest.raises(Invalid):
        clinic.frame(prescription, product_id="")


def test_catalogue_sizes_and_ranges_come_from_inventory_and_are_pinned(clinic: Any) -> None:
    clinic.chain.serve("inventory", "clinical")
    frame_id, lens_id = catalogue(clinic)
    prescription = clinic.prescription()
    select = pb.SelectFrameRequest(
        visit_id=prescription.content.visit_id,
        source=frame_selection_pb2.FRAME_SOURCE_DISPLAY,
        product_id=frame_id,
        chosen_by=frame_selection_pb2.CHOSEN_BY_WEARER,
    )
    ask, optician = clinic.chain.ask, clinic.optician
    frame = ask(select, pb.SelectFrameResponse, as_=optician).frame_selection
    assert (frame.box.a_micrometres, frame.box.ed_micrometres) == (50_000, 53_000)

    specify = pb.SpecifyLensRequest(
        visit_id=prescription.content.visit_id,
        prescription_id=prescription.id,
        frame_selection_id=frame.envelope.id,
        product_id=lens_id,
        use=lens_specification_pb2.LENS_USE_AS_PRESCRIBED,
    )
    lens = ask(specify, pb.SpecifyLensResponse, as_=optician).lens_specification
    assert (lens.od.sphere_centidioptres, lens.od.axis_degrees) == (-200, 10)
    assert lens.od.blank_diameter_micrometres == 65_000
    assert list(lens.options) == ["hard", "anti_reflection"]
    standing = ask(
        records.GetRecordRequest(record_id=lens.envelope.id),
        records.GetRecordResponse,
        as_=optician,
        of="clinical",
    )
    pins = {one.record_id: list(one.fields) for one in standing.pins}
    assert pins[prescription.id] == ["od", "os", "pd", "purpose"]
    assert pins[frame.envelope.id] == ["box", "piece_id", "product_id", "source"]
    assert pins[lens_id] == ["lens"]
    assert pins[frame_id] == ["frame"]
    assert prescription.content.refraction_id in pins

    select.product_id = lens_id
    with pytest.raises(Refused) as refused:
        ask(select, pb.SelectFrameResponse, as_=optician)
    assert refused.value.code == "NOT_A_FRAME"
    specify.product_id = frame_id
    with pytest.raises(Refused) as no_lens:
        ask(specify, pb.SpecifyLensResponse, as_=optician)
    assert no_lens.value.code == "NOT_A_LENS"


def test_what_others_pin_is_answered_with_the_pins_it_stands_on(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    lens, measured_on = clinic.lens(prescription, frame), clinic.fitting(frame)

    for record, name in (
        (prescription, "Prescription"),
        (frame, "FrameSelection"),
        (lens, "LensSpecification"),
        (measured_on, "FittingMeasurement"),
    ):
        field = record.kind.name.removeprefix("clinical.")
        request = getattr(pb, f"Get{name}Request")(**{f"{field}_id": record.id})
        told = clinic.chain.ask(request, getattr(pb, f"Get{name}Response"), as_=clinic.optician)
        standing = clinic.chain.ask(
            records.GetRecordRequest(record_id=record.id),
            records.GetRecordResponse,
            as_=clinic.optician,
            of="clinical",
        )
        assert getattr(told, field).envelope == standing.envelope
        assert list(told.pins) == list(standing.pins) != []


def catalogue(clinic: Any) -> tuple[str, str]:
    """A frame and a stock lens in the catalogue."""
    office = clinic.chain.person(Role.HEAD_OFFICE)
    frame = inventory_pb.AddProductRequest(
        sku="F1",
        name="Frame",
        frame=product_pb2.Frame(
            a_micrometres=50_000,
            b_micrometres=36_000,
            dbl_micrometres=20_000,
            ed_micrometres=53_000,
            temple_micrometres=145_000,
            material=product_pb2.FRAME_MATERIAL_TITANIUM,
            colour="black",
            rim=product_pb2.RIM_FULL,
        ),
    )
    lens = inventory_pb.AddProductRequest(
        sku="L1",
        name="Lens 1.60",
        lens=product_pb2.Lens(
            design=product_pb2.LENS_DESIGN_SINGLE_VISION,
            index_thousandths=1600,
            material=product_pb2.LENS_MATERIAL_THIOURETHANE,
            coatings=[product_pb2.COATING_HARD, product_pb2.COATING_ANTI_REFLECTION],
            supply=product_pb2.LENS_SUPPLY_STOCK,
        ),
        power_ranges=[
            product_pb2.PowerRange(
                sphere_min_centidioptres=-600,
                sphere_max_centidioptres=400,
                cylinder_min_centidioptres=-200,
                cylinder_max_centidioptres=0,
                blank_diameter_micrometres=65_000,
            )
        ],
    )
    ids = [
        clinic.chain.ask(one, inventory_pb.AddProductResponse, as_=office).product.envelope.id
        for one in (frame, lens)
    ]
    return ids[0], ids[1]


def test_lenses_are_specified_on_a_prescription_that_is_in_force_and_covered(clinic: Any) -> None:
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    strong = clinic.prescription(od=PrescribedEye(sphere_centidioptres=-625), os=None)
    with pytest.raises(Refused) as power:
        clinic.lens(strong, clinic.frame(strong))
    assert (power.value.code, power.value.details["eye"]) == ("POWER_NOT_COVERED", "od")
    with pytest.raises(Refused) as customer:
        clinic.lens(strong, frame, visit_id=prescription.content.visit_id)
    assert customer.value.code == "CUSTOMER_DIFFERS"
    with pytest.raises(Refused) as case:
        clinic.lens(prescription, clinic.frame(strong))
    assert case.value.code == "CASE_DIFFERS"
    with pytest.raises(Invalid):
        clinic.lens(prescription, frame, options=("gold",))
    lens = clinic.lens(prescription, frame, options=("hard",))
    assert lens.content.options == ("hard",)
    again = clinic.lens(prescription, frame, supersedes_id=lens.id)
    assert again.content.supersedes_id == lens.id
    with pytest.raises(Refused) as void:
        clinic.lens(prescription, frame, supersedes_id=lens.id)
    assert void.value.code == "RECORD_VOID"


@pytest.mark.parametrize("said", [{}, {"note": "  "}])
def test_an_adjustment_says_what_was_done_or_that_nothing_was_needed(
    clinic: Any, said: dict[str, Any]
) -> None:
    frame = clinic.frame(clinic.prescription())
    at = clock.now() - timedelta(minutes=1)
    with pytest.raises(Refused) as refused:
        clinic.fitting(frame, adjustment=Adjustment(adjusted_at=at, **said))
    assert refused.value.code == "NOT_ADJUSTED"
    assert refused.value.missing == ("what was adjusted, or that nothing was needed",)
    for answer in ({"is_pad_fit_even": True}, {"note": "pads"}, {"is_nothing_needed": True}):
        assert clinic.fitting(frame, adjustment=Adjustment(adjusted_at=at, **answer)).version == 1


def test_a_special_order_says_when_the_frame_will_be_here(clinic: Any) -> None:
    prescription = clinic.prescription()
    with pytest.raises(Invalid) as refused:
        clinic.frame(prescription, source=FrameSource.SPECIAL_ORDER)
    assert refused.value.problems[0].field == "expected_on"
    day = clinic.today + timedelta(days=9)
    frame = clinic.frame(prescription, source=FrameSource.SPECIAL_ORDER, expected_on=day)
    assert frame.content.expected_on == day


def test_a_photo_is_a_picture(clinic: Any) -> None:
    prescription = clinic.prescription()
    own: dict[str, Any] = {
        "source": FrameSource.OWN,
        "product_id": "",
        "own_frame": OwnFrame(description="steel, 2019", condition="pads worn"),
        "is_risk_acknowledged": True,
    }
    for media_type in ("text/csv", "application/pdf"):
        with pytest.raises(Refused) as refused:
            clinic.frame(prescription, evidence_keys=(clinic.photo(media_type),), **own)
        assert refused.value.code == "PHOTO_MISSING"


def test_only_the_selected_frame_once_adjusted_is_measured_on(clinic: Any) -> None:
    frame = clinic.frame(clinic.prescription())
    with pytest.raises(Refused) as other:
        clinic.fitting(frame, frame_id=new_id("prd"))
    assert other.value.code == "FRAME_DIFFERS"
    later = Adjustment(adjusted_at=clock.now() + timedelta(minutes=5))
    for adjustment in (None, Adjustment(adjusted_at=None), later):
        with pytest.raises(Refused) as adjusted:
            clinic.fitting(frame, adjustment=adjustment)
        assert adjusted.value.code == "NOT_ADJUSTED"
    assert clinic.fitting(frame).content.od.monocular_pd_micrometres.amount == 32_000


@pytest.mark.parametrize(
    ("design", "individualised", "missing"),
    [
        (
            LensDesign.BIFOCAL,
            False,
            {"od.segment_height_micrometres", "os.segment_height_micrometres"},
        ),
        (
            LensDesign.PROGRESSIVE,
            False,
            {"od.fitting_height_micrometres", "os.fitting_height_micrometres"},
        ),
        (
            LensDesign.SINGLE_VISION,
            True,
            {
                "od.back_vertex_distance_micrometres",
                "os.back_vertex_distance_micrometres",
                "pantoscopic_tilt_decidegrees",
                "face_form_wrap_decidegrees",
            },
        ),
    ],
)
def test_each_design_asks_for_its_own_values_of_both_eyes(
    clinic: Any, design: LensDesign, individualised: bool, missing: set[str]
) -> None:
    frame = clinic.frame(clinic.prescription())
    with pytest.raises(Refused) as refused:
        clinic.fitting(frame, design=design, is_individualised=individualised)
    assert refused.value.code == "MEASUREMENT_INCOMPLETE"
    assert set(refused.value.missing) == missing


def test_a_distance_unlike_the_one_known_before_must_be_confirmed(clinic: Any) -> None:
    frame = clinic.frame(clinic.prescription())
    wide = EyeFitting(monocular_pd_micrometres=measured(34_500))
    with pytest.raises(Refused) as refused:
        clinic.fitting(frame, od=wide)
    assert refused.value.code == "PLAUSIBILITY_UNCONFIRMED"
    assert refused.value.details["rules"] == "R11"
    confirmed = clinic.fitting(frame, od=wide, confirmed_rules=("R11",))
    assert confirmed.content.findings[0].is_confirmed
    with pytest.raises(Invalid) as outside:
        clinic.fitting(
            frame,
            od=EyeFitting(monocular_pd_micrometres=measured(41_000)),
            confirmed_rules=("R11",),
        )
    assert outside.value.problems[0].field == "od.monocular_pd_micrometres"


def test_what_is_unusual_on_the_frame_is_shown_with_the_measurement(clinic: Any) -> None:
    frame = clinic.frame(clinic.prescription())
    tilted = Measured(state=ValueState.MEASURED, amount=200)
    od, os = (
        EyeFitting(
            monocular_pd_micrometres=measured(pd), fitting_height_micrometres=measured(30_000)
        )
        for pd in (28_000, 35_500)
    )
    fitting = clinic.fitting(frame, od=od, os=os, pantoscopic_tilt_decidegrees=tilted)
    shown = {(str(one.eye), one.field) for one in fitting.content.findings}
    assert shown == {
        ("od", "fitting_height"),
        ("os", "fitting_height"),
        ("ou", "monocular_distance"),
        ("ou", "pantoscopic_tilt"),
    }


def test_the_near_distance_is_measured_or_derived_and_says_which(clinic: Any) -> None:
    frame = clinic.frame(clinic.prescription())
    derived = clinic.fitting(frame).content
    assert derived.od.near_pd_micrometres.amount == 29_977  # 32 mm at 400 mm from the lens
    assert (derived.od.is_near_pd_derived, derived.work_distance_micrometres) == (True, 400_000)
    both = EyeFitting(
        monocular_pd_micrometres=measured(32_000), near_pd_micrometres=measured(30_500)
    )
    taken = clinic.fitting(frame, od=both).content
    assert taken.od.near_pd_micrometres.amount == 30_500
    assert (taken.od.is_near_pd_derived, taken.os.is_near_pd_derived) == (False, True)
    wider = EyeFitting(
        monocular_pd_micrometres=measured(32_000), near_pd_micrometres=measured(33_000)
    )
    with pytest.raises(Invalid) as refused:
        clinic.fitting(frame, od=wider)
    assert refused.value.problems[0].field == "od.near_pd_micrometres"


def test_the_near_distance_follows_the_distance_the_wearer_works_at(clinic: Any) -> None:
    prescription = clinic.prescription()
    needs = clinic.run(
        clinic.optician,
        commands_frame.record_needs_analysis,
        visit_id=prescription.content.visit_id,
        activities=(Activity.READING,),
        working_distance_micrometres=330_000,
    )
    asked = clinic.fitting(clinic.frame(prescription, needs_analysis_id=needs.id)).content
    assert asked.work_distance_micrometres == 330_000
    assert asked.od.near_pd_micrometres.amount == 29_580
    screen = clinic.prescription(purpose=PrescriptionPurpose.INTERMEDIATE)
    assert clinic.fitting(clinic.frame(screen)).content.work_distance_micrometres == 700_000


@pytest.mark.parametrize("use", [LensUse.AS_PRESCRIBED, LensUse.NEAR])
def test_the_blank_of_a_near_pair_covers_the_decentration_for_near(
    clinic: Any, use: LensUse
) -> None:
    clinic.chain.serve("clinical")
    is_near = use is LensUse.AS_PRESCRIBED
    add = {} if is_near else {"add_centidioptres": 200}
    prescription = clinic.prescription(
        clinic.visit(age_years=52),
        purpose=PrescriptionPurpose.NEAR if is_near else PrescriptionPurpose.DISTANCE_AND_NEAR,
        od=PrescribedEye(sphere_centidioptres=-200, **add),
        os=PrescribedEye(sphere_centidioptres=-175, **add),
    )
    frame = clinic.frame(prescription)
    wide = lens_product(power_ranges=(power_range(70_000),))
    lens = clinic.lens(prescription, frame, use=use, product=wide)
    fitting = clinic.fitting(frame)
    request = pb.RequireLensFitsRequest(
        lens_specification_id=lens.id, fitting_measurement_id=fitting.id
    )
    fits = clinic.chain.ask_as_service("billing", request, pb.RequireLensFitsResponse).fits
    near = fitting.content.od.near_pd_micrometres.amount
    assert fits[0].decentration_micrometres == 35_000 - near
    product = lens_product(power_ranges=(power_range(64_000),))
    with pytest.raises(Refused) as refused:  # enough for far: 61 and 62 mm
        clinic.lens(prescription, frame, use=use, product=product, supersedes_id=lens.id)
    assert refused.value.code == "BLANK_TOO_SMALL"


def test_billing_learns_before_approval_that_a_blank_is_too_small(clinic: Any) -> None:
    clinic.chain.serve("clinical")
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    small = clinic.lens(
        prescription, frame, product=lens_product(power_ranges=(power_range(60_000),))
    )
    lens = clinic.lens(prescription, frame)
    fitting = clinic.fitting(frame)

    def require(specification: Any) -> Any:
        request = pb.RequireLensFitsRequest(
            lens_specification_id=specification.id, fitting_measurement_id=fitting.id
        )
        return clinic.chain.ask_as_service("billing", request, pb.RequireLensFitsResponse)

    fits = require(lens).fits
    assert [(f.decentration_micrometres, f.minimum_blank_micrometres) for f in fits] == [
        (3_000, 61_000),
        (3_500, 62_000),
    ]
    with pytest.raises(Refused) as refused:
        require(small)
    assert refused.value.code == "BLANK_TOO_SMALL"
    with pytest.raises(Refused) as specified:
        clinic.lens(prescription, frame, product=lens_product(power_ranges=(power_range(60_000),)))
    assert specified.value.code == "BLANK_TOO_SMALL"
    other = clinic.lens(prescription, clinic.frame(prescription))
    with pytest.raises(Refused) as differs:
        require(other)
    assert differs.value.code == "FRAME_DIFFERS"


def test_a_progressive_design_needs_more_height_than_a_flat_frame_leaves(clinic: Any) -> None:
    add = {"add_centidioptres": 200}
    prescription = clinic.prescription(
        purpose=PrescriptionPurpose.DISTANCE_AND_NEAR,
        od=PrescribedEye(sphere_centidioptres=-200, **add),
        os=PrescribedEye(sphere_centidioptres=-175, **add),
        confirmed_rules=("R9",),
    )
    frame = clinic.frame(prescription)
    low = EyeFitting(
        monocular_pd_micrometres=measured(32_000), fitting_height_micrometres=measured(15_000)
    )
    clinic.fitting(frame, design=LensDesign.PROGRESSIVE, od=low, os=low)
    product = lens_product(
        design=LensDesign.PROGRESSIVE,
        supply="made_to_order",
        power_ranges=(power_range(75_000, add_min_centidioptres=75, add_max_centidioptres=300),),
        minimum_fitting_height_micrometres=18_000,
    )
    with pytest.raises(Refused) as refused:
        clinic.lens(prescription, frame, product=product)
    assert refused.value.code == "HEIGHT_TOO_SMALL"
