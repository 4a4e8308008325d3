"""A frame by its boxing sizes: what the wearer chooses and the lens is edged to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chassis.errors import invalid


class FrameMaterial(StrEnum):
    """What a frame is mostly made of."""

    METAL = "metal"
    TITANIUM = "titanium"
    ACETATE = "acetate"
    INJECTED = "injected"
    MIXED = "mixed"


class Rim(StrEnum):
    """How the rim holds the lens."""

    FULL = "full"
    HALF = "half"
    RIMLESS = "rimless"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Boxing sizes in micrometres, material, colour and rim.

    Raises Invalid for a size that is not positive, and for an effective diameter that no lens of
    that box can have: A <= ED, ED squared <= A squared + B squared (domain facts 5.1).
    """

    a_micrometres: int
    b_micrometres: int
    dbl_micrometres: int
    temple_micrometres: int
    material: FrameMaterial
    colour: str
    rim: Rim
    ed_micrometres: int | None = None

    def __post_init__(self) -> None:
        for name in ("a", "b", "dbl", "temple"):
            field = f"{name}_micrometres"
            if getattr(self, field) <= 0:
                raise invalid(field, "size", "must be above zero")
        if self.material is None or self.rim is None:
            raise invalid("material", "required", "material and rim must be given")
        ed = self.ed_micrometres
        box = self.a_micrometres**2 + self.b_micrometres**2
        if ed is not None and not (self.a_micrometres <= ed and ed**2 <= box):
            text = "must lie between A and the diagonal of the box"
            raise invalid("ed_micrometres", "effective_diameter", text)
