"""What a job rests on when it is released: the order as billing tells it, the prescription, lenses,
frame and measurement as clinic tells them, and what inventory holds for the case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from chassis.errors import Refused
from labjob.job import FrameOrigin, ReservedLens
from labjob.lens import Centration, Eye, EyeCentration, OrderedPair, VerificationPower
from optics.addition import Addition
from optics.errors import ValueRefused
from optics.power import SpherocylinderPower

_HELD = ("reserved", "awaited", "drawn")
_HERE = ("reserved", "drawn")


class OrderNotConfirmed(Refused):
    """The order's deposit rule is not met, or it is over."""

    reason = "ORDER_NOT_CONFIRMED"


class ReservationMissing(Refused):
    """Frame or lens is not held for the order. `missing` names each."""

    reason = "RESERVATION_MISSING"


class NotDerivable(Refused):
    """Verification power or ordered centration does not follow from what was prescribed and
    measured."""

    reason = "NOT_DERIVABLE"


@dataclass(frozen=True, kw_only=True)
class BasisEye:
    """One eye as prescribed or as specified, hundredths of a dioptre, whole degrees."""

    sphere_centidioptres: int | None
    cylinder_centidioptres: int
    axis_degrees: int | None
    add_centidioptres: int | None
    prism_in_centi_prism_dioptres: int
    prism_up_centi_prism_dioptres: int


@dataclass(frozen=True, kw_only=True)
class BasisFitting:
    """One eye as measured on the frame, micrometres; None where it was not measured."""

    monocular_pd_micrometres: int | None
    near_pd_micrometres: int | None
    fitting_height_micrometres: int | None
    segment_height_micrometres: int | None


@dataclass(frozen=True, kw_only=True)
class HeldStock:
    """A reservation or set-aside of the case."""

    id: str
    state: str
    product_id: str
    is_frame: bool
    eye: Eye | None = None
    sphere_centidioptres: int = 0
    cylinder_centidioptres: int = 0
    add_centidioptres: int | None = None
    set_aside_id: str = ""
    order_id: str = ""
    job_id: str = ""
    lot_id: str = ""
    piece_id: str = ""
    serial: str = ""
    set_aside_at: str = ""

    def is_free_for(self, order_id: str) -> bool:
        """Whether no other order took it up: a visit may bring several orders."""
        return self.order_id in ("", order_id)

    def is_piece(self, code: str) -> bool:
        """Whether a code read off a frame names this piece: its serial number, none when it has
        none, or the id on its label."""
        return code in (self.serial, self.piece_id)


@dataclass(frozen=True, kw_only=True)
class OrderBasis:
    """Everything a release needs, read live from its owners."""

    order_id: str
    order_state: str
    case_id: str
    customer_id: str
    branch_id: str
    promised_on: date | None
    reservation_ids: tuple[str, ...]
    set_aside_id: str
    terms_id: str
    terms_version: int
    warranty_days: int
    prescription_id: str
    prescribed_od: BasisEye | None
    prescribed_os: BasisEye | None
    lens_specification_id: str
    is_for_near: bool
    is_centred_for_near: bool
    specified_od: BasisEye | None
    specified_os: BasisEye | None
    lens_design: str
    lens_product_id: str
    lens_supply: str
    frame_selection_id: str
    frame_origin: FrameOrigin
    frame_product_id: str
    fitting_measurement_id: str
    fitted_od: BasisFitting | None
    fitted_os: BasisFitting | None
    held: tuple[HeldStock, ...]

    def require_released_from(self, states: Iterable[str]) -> date:
        """Return the promised day of an order that may have a job now. Raises OrderNotConfirmed."""
        allowed = tuple(states)
        if self.order_state not in allowed or self.promised_on is None:
            raise OrderNotConfirmed(
                f"the order is {self.order_state}; a job needs it {' or '.join(allowed)}",
                missing=[f"order in state {' or '.join(allowed)}"],
                state=self.order_state,
            )
        return self.promised_on

    def ordered_pair(self) -> OrderedPair:
        """Return verification power and ordered centration. Raises NotDerivable."""
        pairs = (
            (Eye.OD, self.prescribed_od, self.specified_od),
            (Eye.OS, self.prescribed_os, self.specified_os),
        )
        near = self.is_centred_for_near
        centration = Centration(
            od=_centration(self.fitted_od, is_for_near=near),
            os=_centration(self.fitted_os, is_for_near=near),
        )
        try:
            lenses = {
                eye: _verification(eye, prescribed, specified, is_for_near=self.is_for_near)
                for eye, prescribed, specified in pairs
            }
            pair = OrderedPair(od=lenses[Eye.OD], os=lenses[Eye.OS], centration=centration)
            pair.in_optics()
        except ValueRefused as refused:
            raise NotDerivable(
                f"{refused.field} {refused.rule}", missing=[f"{refused.field} {refused.rule}"]
            ) from refused
        return pair

    def reserved_lenses(
        self, pair: OrderedPair, job_id: str = "", given_up: frozenset[str] = frozenset()
    ) -> tuple[ReservedLens, ...]:
        """Return the lens reservation of each eye; one that was drawn serves only the job it was
        drawn to. What a stopped job gave up is freed as soon as inventory hears of it. Raises
        ReservationMissing naming all that is not held, the frame included."""
        missing = [] if self._has_frame() else ["frame set aside or reserved at the branch"]
        found = []
        kept = [one for one in self.held if one.id not in given_up]
        quoted_first = sorted(kept, key=lambda one: one.id not in self.reservation_ids)
        for eye, lens in pair.lenses():
            held = next((one for one in quoted_first if self._serves(one, eye, lens, job_id)), None)
            if held is None:
                missing.append(f"lens reserved in the ordered power: {eye}")
            else:
                found.append(
                    ReservedLens(eye=eye, reservation_id=held.id, product_id=held.product_id)
                )
        if missing:
            raise ReservationMissing("frame or lenses are not held for the order", missing=missing)
        return tuple(found)

    def _has_frame(self) -> bool:
        if self.frame_origin is FrameOrigin.OWN:
            return True
        # A set-aside does not say which order took it up, nor that its frame is still to come: the
        # reservation it became does.
        elsewhere = {
            one.set_aside_id
            for one in self.held
            if not one.is_free_for(self.order_id) or one.state == "awaited"
        }
        return any(
            one.is_frame
            and one.id not in elsewhere
            and one.is_free_for(self.order_id)
            and one.product_id == self.frame_product_id
            and self._is_here(one)
            for one in self.held
        )

    def _is_here(self, frame: HeldStock) -> bool:
        if frame.state == "set_aside":
            return frame.set_aside_at == self.branch_id
        return frame.state in _HERE

    def _serves(self, one: HeldStock, eye: Eye, lens: VerificationPower, job_id: str) -> bool:
        # Inventory may have put another in the place of the quoted one; that one names the order.
        is_ours = one.id in self.reservation_ids or one.order_id == self.order_id
        return (
            is_ours
            and one.state in _HELD
            and one.job_id in ("", job_id)
            and one.is_free_for(self.order_id)
            and one.product_id == self.lens_product_id
            and is_lens_for(one, eye, lens)
        )


def is_lens_for(held: HeldStock, eye: Eye, lens: VerificationPower) -> bool:
    """Tell whether a reserved lens is the one ordered for the eye; a finished lens is turned to its
    axis when it is edged, so the shelf knows none."""
    return (
        held.eye is eye
        and held.sphere_centidioptres == lens.sphere_centidioptres
        and held.cylinder_centidioptres == lens.cylinder_centidioptres
        and (held.add_centidioptres or None) == lens.addition_centidioptres
    )


def _verification(
    eye: Eye, prescribed: BasisEye | None, specified: BasisEye | None, *, is_for_near: bool
) -> VerificationPower | None:
    """Derive one lens from the prescription, and hold it against the specification.

    A finished single lens shows the prescribed power; a near lens has the addition in its sphere.
    """
    if specified is None:
        return None
    if prescribed is None or prescribed.sphere_centidioptres is None:
        raise NotDerivable("a lens is specified for an eye without a prescription", eye=eye)
    derived = _power_of(prescribed, add_in_sphere=is_for_near)
    wanted = _power_of(specified, add_in_sphere=False)
    if specified.add_centidioptres is None:
        derived = replace(derived, addition_centidioptres=None)
    if derived != wanted:
        raise NotDerivable(
            "the specified lens is not the prescribed one",
            reason="RX_MISMATCH",
            missing=[f"lens specified on the live prescription: {eye}"],
            eye=eye,
        )
    return derived


def _power_of(given: BasisEye, *, add_in_sphere: bool) -> VerificationPower:
    power = SpherocylinderPower(
        given.sphere_centidioptres or 0, given.cylinder_centidioptres, given.axis_degrees
    )
    addition = given.add_centidioptres
    if add_in_sphere and addition is not None:
        power, addition = Addition(addition).near_power(power), None
    minus = power.in_minus_cylinder()
    return VerificationPower(
        sphere_centidioptres=minus.sphere_centidioptres,
        cylinder_centidioptres=minus.cylinder_centidioptres,
        axis_degrees=minus.axis_degrees,
        addition_centidioptres=addition,
        prism_in_centi_prism_dioptres=given.prism_in_centi_prism_dioptres,
        prism_up_centi_prism_dioptres=given.prism_up_centi_prism_dioptres,
    )


def _centration(fitted: BasisFitting | None, *, is_for_near: bool) -> EyeCentration:
    if fitted is None:
        return EyeCentration()
    return EyeCentration(
        monocular_distance_micrometres=fitted.near_pd_micrometres
        if is_for_near
        else fitted.monocular_pd_micrometres,
        height_micrometres=fitted.fitting_height_micrometres,
        segment_height_micrometres=fitted.segment_height_micrometres,
    )
