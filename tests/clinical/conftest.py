"""A clinic for tests: its people, and a pair of glasses taken as far as a test needs by the
commands themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from chain import Chain, Person
from chassis import clock, evidence
from chassis.actor import system
from chassis.ids import new_id
from chassis.records.envelope import Evidence, Record
from chassis.records.pins import Pin
from chassis.roles import Role
from clinical import (
    commands_confirming,
    commands_fitting,
    commands_frame,
    commands_lens,
    commands_prescription,
    commands_reading,
    commands_refraction,
    commands_visit,
)
from clinical.appointment import VisitPurpose
from clinical.device_reading import Observation, ReadingKind, ReadingValue, Statistic
from clinical.dispensing.fitting_measurement import Adjustment, EyeFitting, MeasuringMethod
from clinical.dispensing.frame_selection import ChosenBy, FrameBox, FrameSource
from clinical.dispensing.lens_product import LensDesign, LensProduct, PowerRange
from clinical.dispensing.lens_specification import LensUse
from clinical.prescription import PrescribedEye, PrescriptionPurpose, PupillaryDistance
from clinical.refraction import BothEyes, EyeRefraction
from clinical.value import Eye, Measured, ValueState
from clinical.visual_acuity import AcuityCondition, AcuityScale, VisualAcuity

BOX = FrameBox(
    a_micrometres=50_000, b_micrometres=36_000, dbl_micrometres=20_000, ed_micrometres=53_000
)


def measured(amount: int) -> Measured:
    """A number that somebody measured."""
    return Measured(state=ValueState.MEASURED, amount=amount)


def eye(sphere: int, cylinder: int = 0, axis: int | None = None) -> EyeRefraction:
    """An eye as measured."""
    values: dict[str, Any] = {
        "sphere_centidioptres": measured(sphere),
        "cylinder_centidioptres": measured(cylinder),
    }
    if axis is not None:
        values["axis_degrees"] = measured(axis)
    return EyeRefraction(**values)


def acuities() -> tuple[VisualAcuity, ...]:
    """Both eyes, best corrected."""
    return tuple(
        VisualAcuity(
            eye=side,
            condition=AcuityCondition.BEST_CORRECTED,
            scale=AcuityScale.FIVE_GRADE,
            written="5.0",
        )
        for side in (Eye.OD, Eye.OS)
    )


@dataclass
class Clinic:
    """A branch with its people and the commands of clinical in their names."""

    chain: Chain
    branch_id: str = field(default_factory=lambda: new_id("br"))

    def __post_init__(self) -> None:
        self.chain.database("clinical")
        self.reception = self.person(Role.RECEPTION)
        self.technician = self.person(Role.TECHNICIAN)
        self.optometrist = self.person(Role.OPTOMETRIST)
        self.colleague = self.person(Role.OPTOMETRIST)
        self.optician = self.person(Role.OPTICIAN)

    def person(self, role: Role) -> Person:
        """Somebody of this branch."""
        return self.chain.person(role, branch_id=self.branch_id)

    def run(self, who: Person, command: Any, **arguments: Any) -> Any:
        """Run a command in somebody's name, in a unit of work of its own."""
        with self.chain.work("clinical", who.actor) as work:
            return command(work, **arguments)

    def visit(self, **arguments: Any) -> Any:
        """A walk-in adult who came for spectacles, unless told otherwise."""
        known = {
            "customer_id": new_id("cus"),
            "purpose": VisitPurpose.SPECTACLES,
            "age_years": 36,
            **arguments,
        }
        return self.run(self.reception, commands_visit.open_visit, **known)

    def arm(self, visit: Record[Any], station: str = "AR1") -> None:
        """Arm a station for a visit."""
        self.run(
            self.technician, commands_visit.arm_station, visit_id=visit.id, station_code=station
        )

    def reading(self, *, station: str = "AR1", key: str = "", **arguments: Any) -> Any:
        """A transmission of the autorefractor."""
        observation = Observation(
            kind=ReadingKind.AUTOREFRACTION,
            statistic=Statistic.MEDIAN,
            eye=Eye.OD,
            values=(
                ReadingValue(
                    field="sphere_centidioptres",
                    state=ValueState.MEASURED,
                    amount=-212,
                    raw="-2.12",
                ),
            ),
        )
        known = {
            "idempotency_key": key or new_id("obj"),
            "branch_id": self.branch_id,
            "station_code": station,
            "instrument_id": new_id("ins"),
            "model": "ARK-1a",
            "serial_number": "310042",
            "measured_at": clock.now(),
            "observations": (observation,),
            "object_key": "device_bridge/frame/abc",
            "sha256": "0" * 64,
            "size_bytes": 120,
            **arguments,
        }
        with self.chain.work("clinical", system("device_bridge")) as work:
            return commands_reading.record_reading(work, **known)

    def refraction(self, visit: Record[Any] | None = None, **arguments: Any) -> Any:
        """A complete refraction, not signed yet."""
        visit = visit or self.visit()
        known = {
            "subjective": BothEyes(od=eye(-200, -75, 10), os=eye(-175, -50, 170)),
            "visual_acuities": acuities(),
            **arguments,
        }
        return self.run(
            self.optometrist, commands_refraction.record_refraction, visit_id=visit.id, **known
        )

    def signed_refraction(self, visit: Record[Any] | None = None, **arguments: Any) -> Any:
        """A refraction signed by its examiner."""
        refraction = self.refraction(visit, **arguments)
        return self.run(
            self.optometrist,
            commands_refraction.sign_refraction,
            refraction_id=refraction.id,
            revision=refraction.revision,
        )

    def prescribed(self, **changed: Any) -> dict[str, Any]:
        """What the optometrist prescribes, unless told otherwise."""
        return {
            "purpose": PrescriptionPurpose.DISTANCE,
            "od": PrescribedEye(
                sphere_centidioptres=-200, cylinder_centidioptres=-75, axis_degrees=10
            ),
            "os": PrescribedEye(
                sphere_centidioptres=-175, cylinder_centidioptres=-50, axis_degrees=170
            ),
            "pd": PupillaryDistance(
                od_micrometres=measured(32_000),
                os_micrometres=measured(31_500),
                binocular_micrometres=measured(63_500),
            ),
            **changed,
        }

    def prescription(self, visit: Record[Any] | None = None, **changed: Any) -> Any:
        """A signed prescription from a signed refraction."""
        refraction = self.signed_refraction(visit)
        return self.sign(refraction, **changed)

    def sign(self, refraction: Record[Any], **changed: Any) -> Any:
        """A prescription from this refraction."""
        return self.run(
            self.optometrist,
            commands_prescription.sign_prescription,
            refraction_id=refraction.id,
            **self.prescribed(**changed),
        )

    def confirm(
        self,
        visit: Record[Any],
        rules: tuple[str, ...],
        *,
        by: Person | None = None,
        **changed: Any,
    ) -> Any:
        """What the colleague says of what the optometrist is about to prescribe."""
        prescribed = self.prescribed(**changed)
        return self.run(
            by or self.colleague,
            commands_confirming.confirm_plausibility,
            visit_id=visit.id,
            purpose=prescribed["purpose"],
            od=prescribed["od"],
            os=prescribed["os"],
            confirmed_rules=rules,
        )

    def amend(self, prescription: Record[Any], **corrected: Any) -> Any:
        """The prescription corrected."""
        known = {"reason_code": "RX_TRANSCRIPTION", "reason": "axis typed wrong", **corrected}
        return self.run(
            self.optometrist,
            commands_prescription.amend_prescription,
            prescription_id=prescription.id,
            revision=prescription.revision,
            **known,
        )

    def visit_of(self, record: Record[Any]) -> str:
        """The visit a record belongs to."""
        return str(record.content.visit_id)

    def frame(self, prescription: Record[Any], **arguments: Any) -> Any:
        """A frame from the display."""
        product_id = arguments.pop("product_id", new_id("prd"))
        known = {
            "source": FrameSource.DISPLAY,
            "product_id": product_id,
            "box": BOX,
            "chosen_by": ChosenBy.WEARER,
            "product_pin": product_pin(product_id) if product_id else None,
            **arguments,
        }
        known = {"visit_id": self.visit_of(prescription), **known}
        return self.run(self.optician, commands_frame.select_frame, **known)

    def lens(self, prescription: Record[Any], frame: Record[Any], **arguments: Any) -> Any:
        """Stock single-vision lenses."""
        return self.run(
            self.optician,
            commands_lens.specify_lens,
            **self.lens_arguments(prescription, frame, **arguments),
        )

    def lens_arguments(
        self, prescription: Record[Any], frame: Record[Any], **changed: Any
    ) -> dict[str, Any]:
        """What the optician specifies, unless told otherwise."""
        product_id = new_id("prd")
        return {
            "visit_id": self.visit_of(prescription),
            "prescription_id": prescription.id,
            "frame_selection_id": frame.id,
            "product_id": product_id,
            "use": LensUse.AS_PRESCRIBED,
            "product": stock_lens(),
            "product_pin": product_pin(product_id, "lens"),
            **changed,
        }

    def fitting(self, frame: Record[Any], **changed: Any) -> Any:
        """What was measured on the adjusted frame."""
        known = {
            "visit_id": self.visit_of(frame),
            "frame_selection_id": frame.id,
            "frame_id": frame.content.product_id,
            "design": LensDesign.SINGLE_VISION,
            "method": MeasuringMethod.PUPILLOMETER,
            "od": EyeFitting(monocular_pd_micrometres=measured(32_000)),
            "os": EyeFitting(monocular_pd_micrometres=measured(31_500)),
            "adjustment": Adjustment(
                adjusted_at=clock.now() - timedelta(minutes=1), is_front_level=True
            ),
            **changed,
        }
        return self.run(self.optician, commands_fitting.record_fitting_measurement, **known)

    def photo(self, media_type: str = "image/png") -> str:
        """A confirmed object, a photo unless told otherwise, as the object service leaves it."""
        key = f"clinical/photo/{new_id('obj')}"
        shown = Evidence(
            object_key=key,
            sha256=hashlib.sha256(key.encode()).hexdigest(),
            media_type=media_type,
            size_bytes=9,
        )
        with self.chain.work("clinical", self.optician.actor) as work:
            evidence.offered(work.connection, key, media_type, work.actor, work.at)
            evidence.confirmed(work.connection, shown, work.at)
        return key

    @property
    def today(self) -> date:
        """Today where the branch stands."""
        return clock.today("Asia/Shanghai")


def product_pin(product_id: str, part: str = "frame") -> Pin:
    """A pin on a catalogue product at its first version."""
    return Pin(
        record_id=product_id,
        kind="inventory.product",
        relied_version=1,
        settled_version=1,
        fields=(part,),
    )


def stock_lens(**changed: Any) -> LensProduct:
    """A stock single-vision lens from -6.00 to +4.00 with a 65 mm blank."""
    known: dict[str, Any] = {
        "design": LensDesign.SINGLE_VISION,
        "index_thousandths": 1600,
        "supply": "stock",
        "coatings": ("hard", "anti_reflection"),
        "power_ranges": (
            PowerRange(
                sphere_min_centidioptres=-600,
                sphere_max_centidioptres=400,
                cylinder_min_centidioptres=-200,
                cylinder_max_centidioptres=0,
                blank_diameter_micrometres=65_000,
            ),
        ),
        **changed,
    }
    return LensProduct(**known)


@pytest.fixture
def clinic(chain: Chain) -> Clinic:
    """A clinic with empty tables."""
    return Clinic(chain)
