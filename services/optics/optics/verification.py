"""What a job orders the lensmeter and the ruler to show, and what the inspector found.

The ordered side is complete; every measured value may be missing, and a missing one is never zero.
"""

from dataclasses import dataclass, field, fields, replace

from optics.addition import Addition
from optics.errors import ValueRefused, require_positive, require_whole
from optics.eye import Eye
from optics.power import HALF_TURN, SpherocylinderPower
from optics.prism import Prism


@dataclass(frozen=True)
class VerificationPower:
    """What the lensmeter must show on one finished lens."""

    power: SpherocylinderPower
    addition: Addition | None = None
    prism: Prism = field(default_factory=Prism)


@dataclass(frozen=True)
class MeasuredLens:
    """What the lensmeter showed: hundredths of a dioptre or prism dioptre, whole degrees.

    None is `not measured`. A cylinder may be measured with either sign; an axis belongs to a
    cylinder that is not zero. Prism is plus for base in and base up.
    """

    sphere_centidioptres: int | None = None
    cylinder_centidioptres: int | None = None
    axis_degrees: int | None = None
    addition_centidioptres: int | None = None
    in_centi_prism_dioptres: int | None = None
    up_centi_prism_dioptres: int | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            value = getattr(self, part.name)
            if value is not None:
                require_whole(part.name, value)
        if self.axis_degrees is not None and not 0 <= self.axis_degrees <= HALF_TURN:
            raise ValueRefused("axis_degrees", "must lie from 1 to 180 (0 is read as 180)")
        if self.axis_degrees is not None and self.cylinder_centidioptres == 0:
            raise ValueRefused("axis_degrees", "must be absent when the cylinder is zero")

    def in_minus_cylinder(self) -> "MeasuredLens":
        """The same reading with a minus cylinder; a reading without both powers stays as it is."""
        sphere, cylinder = self.sphere_centidioptres, self.cylinder_centidioptres
        if sphere is None or cylinder is None:
            return self
        # Without a read axis any one lets the powers be transposed; it is taken away again below.
        axis = HALF_TURN if self.axis_degrees is None else self.axis_degrees
        known = SpherocylinderPower(sphere, cylinder, axis if cylinder else None)
        minus = known.in_minus_cylinder()
        return replace(
            self,
            sphere_centidioptres=minus.sphere_centidioptres,
            cylinder_centidioptres=minus.cylinder_centidioptres,
            axis_degrees=None if self.axis_degrees is None else minus.axis_degrees,
        )


@dataclass(frozen=True)
class EyeCentration:
    """One eye's optical centre or fitting point, in micrometres.

    `monocular_distance` from the nose line; `height` from the lowest inner rim to that point;
    `segment_height` from there to the top of a bifocal segment.
    """

    monocular_distance_micrometres: int | None = None
    height_micrometres: int | None = None
    segment_height_micrometres: int | None = None

    def __post_init__(self) -> None:
        for name in (
            "monocular_distance_micrometres",
            "height_micrometres",
            "segment_height_micrometres",
        ):
            value = getattr(self, name)
            if value is not None:
                require_positive(name, value)


@dataclass(frozen=True)
class Centration:
    """Both eyes together, with the distance between the two centres where it was taken as one."""

    od: EyeCentration = field(default_factory=EyeCentration)
    os: EyeCentration = field(default_factory=EyeCentration)
    binocular_distance_micrometres: int | None = None

    def __post_init__(self) -> None:
        if self.binocular_distance_micrometres is not None:
            require_positive("binocular_distance_micrometres", self.binocular_distance_micrometres)

    def of(self, eye: Eye) -> EyeCentration:
        """The part of OD or OS."""
        return self.od if eye is Eye.OD else self.os

    def distance_micrometres(self) -> int | None:
        """The binocular distance, or the sum of both monocular ones, or None."""
        if self.binocular_distance_micrometres is not None:
            return self.binocular_distance_micrometres
        od, os = self.od.monocular_distance_micrometres, self.os.monocular_distance_micrometres
        return None if od is None or os is None else od + os


@dataclass(frozen=True)
class OrderedPair:
    """The verification power and ordered centration of a job; one lens of it may be absent.

    No centration means lenses that are judged uncut. Refuses a pair without lenses, a centration
    that leaves out the distance of an ordered lens, and one that contradicts itself.
    """

    od: VerificationPower | None = None
    os: VerificationPower | None = None
    centration: Centration | None = None

    def __post_init__(self) -> None:
        if not self.lenses():
            raise ValueRefused("ordered", "must have a lens for at least one eye")
        if self.centration is None:
            return
        binocular = self.centration.binocular_distance_micrometres
        parts = [self.centration.of(e).monocular_distance_micrometres for e in (Eye.OD, Eye.OS)]
        if binocular is not None and None not in parts and sum(p or 0 for p in parts) != binocular:
            raise ValueRefused(
                "binocular_distance_micrometres", "must be the sum of the monocular distances"
            )
        for eye, _ in self.lenses():
            if self.monocular_distance_micrometres(eye) is None:
                raise ValueRefused(f"{eye}.monocular_distance_micrometres", "must be ordered")

    def lenses(self) -> tuple[tuple[Eye, VerificationPower], ...]:
        """The lenses ordered, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, lens) for eye, lens in both if lens is not None)

    def monocular_distance_micrometres(self, eye: Eye) -> int | None:
        """As ordered for that eye; where only the pair's distance is ordered, half of it."""
        if self.centration is None:
            return None
        ordered = self.centration.of(eye).monocular_distance_micrometres
        binocular = self.centration.binocular_distance_micrometres
        return binocular // 2 if ordered is None and binocular is not None else ordered


@dataclass(frozen=True)
class MeasuredPair:
    """What the inspector found on both lenses and on the mounted pair."""

    od: MeasuredLens = field(default_factory=MeasuredLens)
    os: MeasuredLens = field(default_factory=MeasuredLens)
    centration: Centration = field(default_factory=Centration)

    def of(self, eye: Eye) -> MeasuredLens:
        """The reading of OD or OS."""
        return self.od if eye is Eye.OD else self.os
