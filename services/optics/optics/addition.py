"""The extra plus for near that a bifocal or progressive lens adds to its distance power."""

from dataclasses import dataclass

from optics.errors import require_positive
from optics.power import SpherocylinderPower


@dataclass(frozen=True)
class Addition:
    """Hundredths of a dioptre, above zero: a lens without addition has none, never a zero one."""

    centidioptres: int

    def __post_init__(self) -> None:
        require_positive("addition_centidioptres", self.centidioptres)

    def near_power(self, distance: SpherocylinderPower) -> SpherocylinderPower:
        """The power of the near portion: the addition moves the sphere and leaves the rest."""
        return SpherocylinderPower(
            distance.sphere_centidioptres + self.centidioptres,
            distance.cylinder_centidioptres,
            distance.axis_degrees,
        )
