"""Prescribed or induced prism of one lens, as its two rectangular parts."""

import math
from dataclasses import dataclass
from enum import StrEnum

from optics.errors import ValueRefused, require_whole


class Base(StrEnum):
    """Where the thick edge of the prism lies, as seen from the wearer's eye."""

    IN = "IN"
    OUT = "OUT"
    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True)
class ResultantPrism:
    """The one oblique prism that equals both parts.

    Amount in hundredths of a prism dioptre; angle in hundredths of a degree above the horizontal,
    0 to 9000, between the two bases that are named.
    """

    amount_centi_prism_dioptres: int
    angle_centidegrees: int
    horizontal_base: Base | None
    vertical_base: Base | None


@dataclass(frozen=True)
class Prism:
    """Hundredths of a prism dioptre: base in and base up are plus, base out and base down minus."""

    in_centi_prism_dioptres: int = 0
    up_centi_prism_dioptres: int = 0

    def __post_init__(self) -> None:
        require_whole("in_centi_prism_dioptres", self.in_centi_prism_dioptres)
        require_whole("up_centi_prism_dioptres", self.up_centi_prism_dioptres)

    @property
    def is_zero(self) -> bool:
        """Whether the lens has no prism at all."""
        return not (self.in_centi_prism_dioptres or self.up_centi_prism_dioptres)

    def combined_with(self, other: "Prism") -> "Prism":
        """Both prisms before the same eye, exact."""
        return Prism(
            self.in_centi_prism_dioptres + other.in_centi_prism_dioptres,
            self.up_centi_prism_dioptres + other.up_centi_prism_dioptres,
        )

    def parts(self) -> tuple[tuple[int, Base], ...]:
        """The amounts with their base, as a job ticket shows them; a zero part is left out."""
        horizontal, vertical = self.in_centi_prism_dioptres, self.up_centi_prism_dioptres
        written: list[tuple[int, Base]] = []
        if horizontal:
            written.append((abs(horizontal), Base.IN if horizontal > 0 else Base.OUT))
        if vertical:
            written.append((abs(vertical), Base.UP if vertical > 0 else Base.DOWN))
        return tuple(written)

    def resultant(self) -> ResultantPrism:
        """R = sqrt(H^2 + V^2) and its angle, each rounded to the nearest hundredth."""
        horizontal, vertical = self.in_centi_prism_dioptres, self.up_centi_prism_dioptres
        bases = {base for _, base in self.parts()}
        return ResultantPrism(
            round(math.hypot(horizontal, vertical)),
            round(100 * math.degrees(math.atan2(abs(vertical), abs(horizontal)))),
            next(iter(bases & {Base.IN, Base.OUT}), None),
            next(iter(bases & {Base.UP, Base.DOWN}), None),
        )


def prism_with_base(amount_centi_prism_dioptres: int, base: Base) -> Prism:
    """A prism as it is dictated, '3.00 base in'; the amount is never negative."""
    require_whole("amount_centi_prism_dioptres", amount_centi_prism_dioptres)
    if amount_centi_prism_dioptres < 0:
        raise ValueRefused("amount_centi_prism_dioptres", "must not be negative: turn the base")
    signed = amount_centi_prism_dioptres * (1 if base in (Base.IN, Base.UP) else -1)
    return Prism(signed, 0) if base in (Base.IN, Base.OUT) else Prism(0, signed)
