"""What labjob refuses, each with its reason: the law of the lab and of the counter in one list.

Refusals that guard one noun alone stand beside it (station, order_basis, judging).
"""

from __future__ import annotations

from chassis.errors import Refused, Unknown


class JobExists(Refused):
    """The order has a job that is still open: revise or remake it."""

    reason = "JOB_EXISTS"


class JobIsCut(Refused):
    """A station that cannot be undone has begun: the job can only be made again."""

    reason = "JOB_IS_CUT"


class StationUnderWay(Refused):
    """Somebody works a station of the job now."""

    reason = "STATION_UNDER_WAY"


class NoStationUnderWay(Refused):
    """This station is not under way."""

    reason = "NO_STATION_UNDER_WAY"


class TicketOutdated(Refused):
    """The paper was printed from an earlier version of the job."""

    reason = "TICKET_OUTDATED"


class TrayOnItsWay(Refused):
    """The tray was sent already and is not received yet."""

    reason = "TRAY_ON_ITS_WAY"


class TrayNotSent(Refused):
    """No tray of this job is on its way to the lab."""

    reason = "TRAY_NOT_SENT"


class TrayNotReceived(Refused):
    """The lab has not received the tray."""

    reason = "TRAY_NOT_RECEIVED"


class WrongTray(Refused):
    """Another tray was sent for this job."""

    reason = "WRONG_TRAY"


class WrongJob(Refused):
    """The slip number belongs to another job."""

    reason = "WRONG_JOB"


class WrongFrame(Refused):
    """It is not the frame of this job."""

    reason = "WRONG_FRAME"


class WrongLens(Refused):
    """The reserved lens is not the one this job orders."""

    reason = "WRONG_LENS"


class FrameNotReserved(Refused):
    """No piece of the frame is reserved for this order."""

    reason = "FRAME_NOT_RESERVED"


class LensesDrawn(Refused):
    """Every ordered lens is drawn already."""

    reason = "LENSES_DRAWN"


class LensesNotDrawn(Refused):
    """An ordered lens is not drawn yet."""

    reason = "LENSES_NOT_DRAWN"


class LotLocked(Refused):
    """A lens of the job comes from a lot that is locked."""

    reason = "LOT_LOCKED"


class OrderNotOpen(Refused):
    """The order is not in work, or no longer."""

    reason = "ORDER_NOT_OPEN"


class BlankUnavailable(Refused):
    """A lens of the job cannot be drawn now: it is locked, broken, given back or not there yet."""

    reason = "BLANK_UNAVAILABLE"


class EtaAfterPromise(Refused):
    """The lab would be later than the customer was promised."""

    reason = "ETA_AFTER_PROMISE"


class NothingFailed(Refused):
    """No inspection, branch check or fitting check failed, so nothing goes back."""

    reason = "NOTHING_FAILED"


class ReworkLimit(Refused):
    """The pair went back often enough: it is to be made again."""

    reason = "REWORK_LIMIT"


class BranchFailed(Refused):
    """The pair arrived damaged or incomplete, or failed its branch check: it is repaired or made
    again first."""

    reason = "BRANCH_FAILED"


class FittingCheckMissing(Refused):
    """The pair was not tried on, nor the check waived for a proxy."""

    reason = "FITTING_CHECK_MISSING"


class FittingCheckFailed(Refused):
    """The pair did not fit the wearer."""

    reason = "FITTING_CHECK_FAILED"


class NotTold(Refused):
    """Care or warranty was not explained."""

    reason = "NOT_TOLD"


class SlipNumberUnknown(Unknown):
    """No job has this slip number."""

    reason = "SLIP_NUMBER_UNKNOWN"
