"""The frame that was chosen: from the display, another branch, by special order, or the customer's
own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from chassis.errors import Refused, invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from optics.centration import (
    effective_diameter_upper_bound_micrometres,
    geometric_centre_distance_micrometres,
)

RELIED_ON = ("source", "product_id", "piece_id", "box")
"""What lenses and measurements rest on."""


class FrameSource(StrEnum):
    """Where the frame comes from."""

    DISPLAY = "display"
    OTHER_BRANCH = "other_branch"
    SPECIAL_ORDER = "special_order"
    OWN = "own"


class ChosenBy(StrEnum):
    """Who chose."""

    WEARER = "wearer"
    GUARDIAN = "guardian"
    COMPANION = "companion"


class PhotoMissing(Refused):
    """An own frame is taken in with a photo of its condition only."""

    reason = "PHOTO_MISSING"


class RiskUnacknowledged(Refused):
    """The customer has not accepted that an old frame may break in work."""

    reason = "RISK_UNACKNOWLEDGED"


class NotAFrame(Refused):
    """The product is no frame."""

    reason = "NOT_A_FRAME"


@dataclass(frozen=True, kw_only=True)
class FrameBox:
    """A frame in the boxing system, micrometres. Raises Invalid for a length that is none."""

    a_micrometres: int
    b_micrometres: int
    dbl_micrometres: int
    ed_micrometres: int | None = None
    temple_micrometres: int | None = None

    def __post_init__(self) -> None:
        for name in ("a_micrometres", "b_micrometres", "dbl_micrometres", "ed_micrometres"):
            length = getattr(self, name)
            if length is not None and length <= 0:
                raise invalid(f"box.{name}", "length", "must be above zero")

    @property
    def effective_diameter_micrometres(self) -> int:
        """Twice the longest radius; its upper bound from A and B when nobody measured it."""
        return self.ed_micrometres or effective_diameter_upper_bound_micrometres(
            self.a_micrometres, self.b_micrometres
        )

    @property
    def geometric_centre_distance_micrometres(self) -> int:
        """A + DBL."""
        return geometric_centre_distance_micrometres(self.a_micrometres, self.dbl_micrometres)


@dataclass(frozen=True, kw_only=True)
class TriedFrame:
    """A frame that was tried on, and what the wearer said."""

    product_id: str = ""
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class OwnFrame:
    """The customer's own frame in words."""

    description: str
    condition: str


@dataclass(frozen=True, kw_only=True)
class FrameSelection:
    """What was tried and chosen. Raises Invalid unless an own frame is described and any other has
    its product."""

    visit_id: str
    source: FrameSource
    box: FrameBox
    chosen_by: ChosenBy
    product_id: str = ""
    piece_id: str = ""
    tried: tuple[TriedFrame, ...] = ()
    own_frame: OwnFrame | None = None
    is_risk_acknowledged: bool = False
    expected_on: date | None = None
    needs_analysis_id: str = ""
    supersedes_id: str = ""

    def __post_init__(self) -> None:
        if self.is_own:
            if self.product_id or self.piece_id:
                raise invalid("product_id", "own_frame", "an own frame is not in the catalogue")
            if self.own_frame is None or not self.own_frame.description.strip():
                raise invalid("own_frame.description", "required", "must be given")
        elif self.own_frame is not None:
            raise invalid("own_frame", "own_frame", "is given for an own frame only")
        elif not self.product_id:
            raise invalid("product_id", "required", "must be given")

    @property
    def is_own(self) -> bool:
        """Tell whether the customer brought it."""
        return self.source is FrameSource.OWN


FRAME_SELECTION = Kind(
    "clinical.frame_selection",
    "fsl",
    FrameSelection,
    Transitions("selected"),
    readers=frozenset(
        {
            Role.OPTOMETRIST,
            Role.OPHTHALMOLOGIST,
            Role.OPTICIAN,
            Role.FRAME_CONTROLLER,
            Role.LAB_CLERK,
            Role.LAB_TECHNICIAN,
            Role.QC_INSPECTOR,
            Role.AUDITOR,
        }
    ),
)


def frame_id_of(selection_id: str, selection: FrameSelection) -> str:
    """Return the id the frame in hand is known by: its piece, else its product, else (own frame)
    its selection."""
    return selection.piece_id or selection.product_id or selection_id
