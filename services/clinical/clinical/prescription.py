"""A prescription: what the prescriber decided to supply, or one that was written elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from clinical.places import Places
from clinical.value import Eye, Measured
from optics.addition import Addition
from optics.field_range import field_range
from optics.power import SpherocylinderPower
from optics.prism import Prism
from optics.pupillary_distance import halves_make_the_whole

RELIED_ON = ("od", "os", "pd", "purpose")
"""What lenses are made by; the rest of a prescription may change without anybody asking again."""

EIGHTH_STEP = 12
TENTH_MILLIMETRE = 100
HALF_TURN = 180


class PrescriptionPurpose(StrEnum):
    """What the glasses are for."""

    DISTANCE = "distance"
    NEAR = "near"
    INTERMEDIATE = "intermediate"
    DISTANCE_AND_NEAR = "distance_and_near"


class FindingSeverity(StrEnum):
    """How much a plausibility rule asks for."""

    WARN = "warn"
    CONFIRM = "confirm"
    SECOND_PERSON = "second_person"
    BLOCK = "block"


SAME_SPHERE = (
    frozenset({PrescriptionPurpose.DISTANCE, PrescriptionPurpose.DISTANCE_AND_NEAR}),
    frozenset({PrescriptionPurpose.NEAR}),
    frozenset({PrescriptionPurpose.INTERMEDIATE}),
)
"""Purposes whose sphere holds the power for the same distance, so that it can be compared."""


class PrescriptionStands(Refused):
    """Another prescription of the same person and purpose stands: the new one takes its place, or
    says why both stand."""

    reason = "PRESCRIPTION_STANDS"


class RefractionUnsigned(Refused):
    """A prescription is signed from a signed refraction only."""

    reason = "REFRACTION_UNSIGNED"


class SubjectiveMissing(Refused):
    """An instrument's refraction alone is not dispensable (rule R15)."""

    reason = "SUBJECTIVE_MISSING"


class ImageMissing(Refused):
    """A prescription written elsewhere is believed by its image only."""

    reason = "IMAGE_MISSING"


class PrescriptionExpired(Refused):
    """Its last day has passed."""

    reason = "PRESCRIPTION_EXPIRED"


@dataclass(frozen=True, kw_only=True)
class PlausibilityFinding:
    """What a plausibility rule said: its limit, never the customer's value.

    A warning is shown; one that comes of comparing with the earlier prescription must be confirmed
    as well, since a slip of the pen looks just so.
    """

    rule: str
    severity: FindingSeverity
    eye: Eye
    field: str
    text: str
    is_confirmed: bool = False
    is_comparison: bool = False

    @property
    def asks(self) -> bool:
        """Tell whether the signer must confirm it."""
        return self.is_comparison or self.severity is not FindingSeverity.WARN

    @property
    def asks_two(self) -> bool:
        """Tell whether a second qualified person must stand behind it."""
        return self.severity in (FindingSeverity.SECOND_PERSON, FindingSeverity.BLOCK)


@dataclass(frozen=True, kw_only=True)
class PrescribedEye:
    """What one eye gets: hundredths of a dioptre or of a prism dioptre, whole degrees. Axis 0 is
    kept as 180."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    axis_degrees: int | None = None
    add_centidioptres: int | None = None
    prism_in_centi_prism_dioptres: int = 0
    prism_up_centi_prism_dioptres: int = 0

    def __post_init__(self) -> None:
        if self.axis_degrees == 0 and self.cylinder_centidioptres:
            object.__setattr__(self, "axis_degrees", HALF_TURN)

    def power(self) -> SpherocylinderPower:
        """Return the power as optics reckons with it. Raises ValueRefused."""
        return SpherocylinderPower(
            self.sphere_centidioptres, self.cylinder_centidioptres, self.axis_degrees
        )

    def addition(self) -> Addition | None:
        """Return the addition for near, if there is one. Raises ValueRefused."""
        return None if self.add_centidioptres is None else Addition(self.add_centidioptres)

    def prism(self) -> Prism:
        """Return the prism, both parts of it."""
        return Prism(self.prism_in_centi_prism_dioptres, self.prism_up_centi_prism_dioptres)

    @property
    def has_prism(self) -> bool:
        """Tell whether a prism is prescribed."""
        return not self.prism().is_zero


@dataclass(frozen=True, kw_only=True)
class PupillaryDistance:
    """Distances for far in micrometres, each given or marked not measured."""

    od_micrometres: Measured
    os_micrometres: Measured
    binocular_micrometres: Measured

    def binocular(self) -> int | None:
        """Return the distance of both pupils: measured as such, or the sum of both halves."""
        if self.binocular_micrometres.is_measured:
            return self.binocular_micrometres.amount
        halves = (self.od_micrometres, self.os_micrometres)
        if all(half.is_measured for half in halves):
            return sum(half.amount or 0 for half in halves)
        return None


@dataclass(frozen=True, kw_only=True)
class Prescription:
    """Powers, purpose and PD with the days they hold for. Raises Invalid when no eye is prescribed
    for."""

    visit_id: str
    purpose: PrescriptionPurpose
    od: PrescribedEye | None
    os: PrescribedEye | None
    pd: PupillaryDistance
    issued_on: date
    expires_on: date
    source_name: str
    recheck_on: date
    is_recheck_by_rule: bool = True
    is_external: bool = False
    refraction_id: str = ""
    notes: str = ""
    findings: tuple[PlausibilityFinding, ...] = ()
    second_person_id: str = ""
    supersedes_id: str = ""
    kept_beside_ids: tuple[str, ...] = ()
    kept_beside_reason: str = ""
    expiry_rule_edition: str = ""

    def __post_init__(self) -> None:
        if self.od is None and self.os is None:
            raise invalid("od", "required", "one eye at least must be prescribed for")

    def eyes(self) -> tuple[tuple[Eye, PrescribedEye], ...]:
        """Return the eyes prescribed for, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, part) for eye, part in both if part is not None)

    def require_in_force(self, day: date) -> None:
        """Refuse a day after the last one. Raises PrescriptionExpired."""
        if day > self.expires_on:
            raise PrescriptionExpired(
                f"the prescription could be dispensed until {self.expires_on}"
            )


PRESCRIPTION = Kind(
    "clinical.prescription",
    "rx",
    Prescription,
    Transitions("signed"),
    readers=frozenset(
        {
            Role.OPTOMETRIST,
            Role.OPHTHALMOLOGIST,
            Role.OPTICIAN,
            Role.LAB_CLERK,
            Role.LAB_TECHNICIAN,
            Role.QC_INSPECTOR,
            Role.AUDITOR,
        }
    ),
)


@dataclass(frozen=True, kw_only=True)
class PrescriptionSigned:
    """A prescription was signed, or an external one recorded."""

    prescription_id: str
    case_id: str
    customer_id: str
    branch_id: str
    supersedes_id: str


def require_valid(prescription: Prescription) -> None:
    """Refuse values outside their range or step, an axis without a cylinder or the reverse, and
    days in the wrong order. Raises Invalid naming each place."""
    places = Places()
    for eye, part in prescription.eyes():
        _check_eye(places, str(eye), part)
    _check_distances(places, prescription.pd)
    for name in ("expires_on", "recheck_on"):
        if getattr(prescription, name) < prescription.issued_on:
            places.refuse(name, "order", "lies before the day it was issued on")
    places.require_none()


def _check_distances(places: Places, pd: PupillaryDistance) -> None:
    for name in ("od_micrometres", "os_micrometres", "binocular_micrometres"):
        value: Measured | None = getattr(pd, name)
        field = "binocular_distance" if name.startswith("binocular") else "monocular_distance"
        if value is None:
            places.refuse(f"pd.{name}", "required", "must be given or marked not_measured")
        else:
            places.answered(f"pd.{name}", value, field, TENTH_MILLIMETRE)
    given = (pd.od_micrometres, pd.os_micrometres, pd.binocular_micrometres)
    amounts = [value.amount for value in given if value is not None and value.amount is not None]
    if len(amounts) == len(given) and not halves_make_the_whole(*amounts):
        places.refuse("pd.binocular_micrometres", "sum", "is not what both halves add up to")


def _check_eye(places: Places, place: str, eye: PrescribedEye) -> None:
    sphere, cylinder = eye.sphere_centidioptres, eye.cylinder_centidioptres
    if sphere is None:
        places.refuse(f"{place}.sphere_centidioptres", "required", "must be given, plano is 0")
        return
    places.number(f"{place}.sphere_centidioptres", sphere, "sphere", EIGHTH_STEP)
    places.number(f"{place}.cylinder_centidioptres", cylinder, "cylinder", EIGHTH_STEP)
    places.made(place, eye.power)
    places.number(f"{place}.add_centidioptres", eye.add_centidioptres, "addition", EIGHTH_STEP)
    for name in ("prism_in_centi_prism_dioptres", "prism_up_centi_prism_dioptres"):
        amount = abs(getattr(eye, name))
        places.number(f"{place}.{name}", amount or None, "prism")
    most = field_range("prism").hard_max
    if eye.prism().resultant().amount_centi_prism_dioptres > most:
        text = f"both parts together must lie up to {most} centi_prism_dioptres"
        places.refuse(f"{place}.prism_in_centi_prism_dioptres", "range", text)
