"""A prescription as the plausibility rules read it: both eyes and the pupillary distance."""

from dataclasses import dataclass

from optics.addition import Addition
from optics.eye import Eye
from optics.power import SpherocylinderPower


@dataclass(frozen=True)
class PrescribedEye:
    """One eye of a prescription, powers as they were written."""

    power: SpherocylinderPower
    addition: Addition | None = None


@dataclass(frozen=True)
class PrescribedPair:
    """Both eyes with the binocular distance PD; what is not prescribed or not known is None."""

    od: PrescribedEye | None = None
    os: PrescribedEye | None = None
    binocular_distance_micrometres: int | None = None

    def eyes(self) -> tuple[tuple[Eye, PrescribedEye], ...]:
        """The eyes prescribed for, right before left."""
        both = ((Eye.OD, self.od), (Eye.OS, self.os))
        return tuple((eye, part) for eye, part in both if part is not None)

    def of(self, eye: Eye) -> PrescribedEye | None:
        """The part of OD or OS."""
        return self.od if eye is Eye.OD else self.os
