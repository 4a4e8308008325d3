"""What a job orders of both lenses, and what the inspector finds on them: the words between the
prescription and the optical arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from chassis.errors import Invalid, invalid
from optics.addition import Addition
from optics.errors import ValueRefused
from optics.eye import Eye as OpticsEye
from optics.power import SpherocylinderPower
from optics.prism import Prism
from optics.verification import Centration as OpticsCentration
from optics.verification import EyeCentration as OpticsEyeCentration
from optics.verification import MeasuredLens as OpticsMeasuredLens
from optics.verification import MeasuredPair as OpticsMeasuredPair
from optics.verification import OrderedPair as OpticsOrderedPair
from optics.verification import VerificationPower as OpticsPower

T = TypeVar("T")


class Eye(StrEnum):
    """An eye, or both."""

    OD = "od"
    OS = "os"
    OU = "ou"

    @classmethod
    def of(cls, eye: OpticsEye) -> Eye:
        """Return the eye as the contract spells it."""
        return cls(eye.value.lower())


@dataclass(frozen=True, kw_only=True)
class VerificationPower:
    """What the lensmeter must show on one finished lens, in minus-cylinder form.

    Hundredths of a dioptre and of a prism dioptre, whole degrees; base in and base up are plus.
    """

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    axis_degrees: int | None = None
    addition_centidioptres: int | None = None
    prism_in_centi_prism_dioptres: int = 0
    prism_up_centi_prism_dioptres: int = 0

    def in_optics(self) -> OpticsPower:
        """Return it for the arithmetic. Raises ValueRefused."""
        addition = self.addition_centidioptres
        return OpticsPower(
            SpherocylinderPower(
                self.sphere_centidioptres, self.cylinder_centidioptres, self.axis_degrees
            ),
            Addition(addition) if addition is not None else None,
            Prism(self.prism_in_centi_prism_dioptres, self.prism_up_centi_prism_dioptres),
        )


@dataclass(frozen=True, kw_only=True)
class EyeCentration:
    """Where one lens is centred, micrometres."""

    monocular_distance_micrometres: int | None = None
    height_micrometres: int | None = None
    segment_height_micrometres: int | None = None

    def in_optics(self) -> OpticsEyeCentration:
        """Return it for the arithmetic. Raises ValueRefused."""
        return OpticsEyeCentration(
            self.monocular_distance_micrometres,
            self.height_micrometres,
            self.segment_height_micrometres,
        )


@dataclass(frozen=True, kw_only=True)
class Centration:
    """Where both lenses are centred, micrometres."""

    od: EyeCentration = field(default_factory=EyeCentration)
    os: EyeCentration = field(default_factory=EyeCentration)
    binocular_distance_micrometres: int | None = None


@dataclass(frozen=True, kw_only=True)
class OrderedPair:
    """Verification power and ordered centration of a job; one lens of it may be absent."""

    od: VerificationPower | None
    os: VerificationPower | None
    centration: Centration

    def lenses(self) -> tuple[tuple[Eye, VerificationPower], ...]:
        """Return the lenses ordered, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, lens) for eye, lens in both if lens is not None)

    def in_optics(self) -> OpticsOrderedPair:
        """Return it for the arithmetic. Raises ValueRefused."""
        return OpticsOrderedPair(
            od=self.od.in_optics() if self.od else None,
            os=self.os.in_optics() if self.os else None,
            centration=OpticsCentration(
                self.centration.od.in_optics(),
                self.centration.os.in_optics(),
                self.centration.binocular_distance_micrometres,
            ),
        )


class MeasuredState(StrEnum):
    """How a value came to be known."""

    MEASURED = "measured"
    NOT_MEASURED = "not_measured"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class MeasuredValue:
    """One value of an inspection; the unit is in the name of the field that holds it."""

    state: MeasuredState | None = None
    amount: int | None = None

    def checked(self, place: str) -> int | None:
        """Return the amount, or None when there is none. Raises Invalid (MEASURED_STATE)."""
        measured = self.state is MeasuredState.MEASURED
        if self.state is None or measured != (self.amount is not None):
            raise invalid(
                place,
                "measured_state",
                "has a state, and an amount exactly when it was measured",
                reason="MEASURED_STATE",
            )
        return self.amount


@dataclass(frozen=True, kw_only=True)
class MeasuredLens:
    """What the lensmeter showed on one lens; what is absent was not measured."""

    sphere_centidioptres: MeasuredValue | None = None
    cylinder_centidioptres: MeasuredValue | None = None
    axis_degrees: MeasuredValue | None = None
    addition_centidioptres: MeasuredValue | None = None
    prism_in_centi_prism_dioptres: MeasuredValue | None = None
    prism_up_centi_prism_dioptres: MeasuredValue | None = None

    def in_optics(self, place: str) -> OpticsMeasuredLens:
        """Return it for the arithmetic. Raises Invalid naming the field below `place`."""
        return _checked(
            place,
            OpticsMeasuredLens,
            sphere_centidioptres=self.sphere_centidioptres,
            cylinder_centidioptres=self.cylinder_centidioptres,
            axis_degrees=self.axis_degrees,
            addition_centidioptres=self.addition_centidioptres,
            in_centi_prism_dioptres=self.prism_in_centi_prism_dioptres,
            up_centi_prism_dioptres=self.prism_up_centi_prism_dioptres,
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredEyeCentration:
    """Where one lens was found to be centred."""

    monocular_distance_micrometres: MeasuredValue | None = None
    height_micrometres: MeasuredValue | None = None
    segment_height_micrometres: MeasuredValue | None = None

    def in_optics(self, place: str) -> OpticsEyeCentration:
        """Return it for the arithmetic. Raises Invalid naming the field below `place`."""
        return _checked(
            place,
            OpticsEyeCentration,
            monocular_distance_micrometres=self.monocular_distance_micrometres,
            height_micrometres=self.height_micrometres,
            segment_height_micrometres=self.segment_height_micrometres,
        )


@dataclass(frozen=True, kw_only=True)
class MeasuredPair:
    """What the inspector found on both lenses and on the mounted pair."""

    od: MeasuredLens | None = None
    os: MeasuredLens | None = None
    od_centration: MeasuredEyeCentration | None = None
    os_centration: MeasuredEyeCentration | None = None
    binocular_distance_micrometres: MeasuredValue | None = None

    def in_optics(self) -> OpticsMeasuredPair:
        """Return it for the arithmetic. Raises Invalid naming the field."""
        place = "measured.binocular_distance_micrometres"
        binocular = self.binocular_distance_micrometres
        try:
            centration = OpticsCentration(
                (self.od_centration or MeasuredEyeCentration()).in_optics("measured.od_centration"),
                (self.os_centration or MeasuredEyeCentration()).in_optics("measured.os_centration"),
                binocular.checked(place) if binocular else None,
            )
        except ValueRefused as refused:
            raise invalid(place, "optics", refused.rule) from refused
        return OpticsMeasuredPair(
            od=(self.od or MeasuredLens()).in_optics("measured.od"),
            os=(self.os or MeasuredLens()).in_optics("measured.os"),
            centration=centration,
        )


def _checked(place: str, kind: type[T], **values: MeasuredValue | None) -> T:
    amounts = {
        name: value.checked(f"{place}.{name}") if value is not None else None
        for name, value in values.items()
    }
    try:
        return kind(**amounts)
    except ValueRefused as refused:
        raise refused_as_invalid(place, refused) from refused


def refused_as_invalid(place: str, refused: ValueRefused) -> Invalid:
    """Return what the arithmetic refused as a problem of the field below a place."""
    return invalid(f"{place}.{refused.field}", "optics", refused.rule)
