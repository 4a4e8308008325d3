"""What a second qualified person said of powers that somebody else is about to sign: that these
very powers are meant, whatever the rules found."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.errors import invalid
from chassis.records.kinds import Kind, Transitions
from chassis.roles import Role
from clinical.prescription import PrescribedEye, Prescription, PrescriptionPurpose


@dataclass(frozen=True, kw_only=True)
class PlausibilityConfirmation:
    """The powers that were looked at, and the rules whose findings are right. Raises Invalid when
    no eye was."""

    visit_id: str
    purpose: PrescriptionPurpose
    od: PrescribedEye | None
    os: PrescribedEye | None
    confirmed_rules: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.od is None and self.os is None:
            raise invalid("od", "required", "one eye at least must be looked at")

    def is_about(self, prescription: Prescription) -> bool:
        """Tell whether it is these powers that are prescribed."""
        looked_at = (self.visit_id, self.purpose, self.od, self.os)
        return looked_at == (
            prescription.visit_id,
            prescription.purpose,
            prescription.od,
            prescription.os,
        )


PLAUSIBILITY_CONFIRMATION = Kind(
    "clinical.plausibility_confirmation",
    "pcf",
    PlausibilityConfirmation,
    Transitions("confirmed"),
    readers=frozenset({Role.OPTOMETRIST, Role.OPHTHALMOLOGIST, Role.AUDITOR}),
)
