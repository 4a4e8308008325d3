"""The lens of an eye as it is specified and as it is reserved: where both are the same, it is the
right one."""

from __future__ import annotations

from dataclasses import dataclass, fields
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
    """Power of a lens in hundredths of a dioptre as its box is labelled: in minus cylinder and
    without axis, since a finished lens is turned when it is edged."""

    sphere_centidioptres: int
    cylinder_centidioptres: int = 0
    add_centidioptres: int | None = None

    def differs_in(self, other: LensPower) -> list[str]:
        """Return the fields in which two lenses differ."""
        names = [field.name for field in fields(self)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]
