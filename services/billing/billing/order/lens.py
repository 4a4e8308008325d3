"""The lens of an eye as it is specified and as it is reserved: where both are the same, it is the
right one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import StrEnum

from chassis.errors import Refused


class LensNotAsSpecified(Refused):
    """A reserved lens is not the one specified for its eye. `missing` names eye and field."""

    reason = "LENS_NOT_AS_SPECIFIED"


class Eye(StrEnum):
    """Which eye a lens is for."""

    OD = "od"
    OS = "os"


@dataclass(frozen=True, kw_only=True)
class LensPower:
    """Power of a lens in hundredths of a dioptre, without axis: a finished lens is turned when it
    is edged."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    add_centidioptres: int | None = None

    def in_minus_cylinder(self) -> LensPower:
        """Return the same lens as its box is labelled: S+C, -C when the cylinder is plus."""
        if self.cylinder_centidioptres <= 0:
            return self
        return replace(
            self,
            sphere_centidioptres=self.sphere_centidioptres + self.cylinder_centidioptres,
            cylinder_centidioptres=-self.cylinder_centidioptres,
        )

    def differs_in(self, other: LensPower) -> list[str]:
        """Return the fields in which two lenses differ, whatever the sign of their cylinders."""
        one, two = self.in_minus_cylinder(), other.in_minus_cylinder()
        names = [field.name for field in fields(self)]
        return [name for name in names if getattr(one, name) != getattr(two, name)]
