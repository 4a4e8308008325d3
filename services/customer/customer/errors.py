"""What customer refuses, each with a reason a machine reads. No text holds a name or a number."""

from __future__ import annotations

from chassis.errors import AlreadyThere, Refused


class DuplicateUnresolved(Refused):
    """Somebody who looks like the same person is kept too: decide first which of them it is."""

    reason = "DUPLICATE_UNRESOLVED"


class BirthdayUnknown(Refused):
    """Nobody can tell whether a guardian is needed."""

    reason = "BIRTHDAY_UNKNOWN"


class GuardianMissing(Refused):
    """A minor without a guardian, or an answer that no guardian gave."""

    reason = "GUARDIAN_MISSING"


class GuardianNotAdult(Refused):
    """A guardian must be an adult."""

    reason = "GUARDIAN_NOT_ADULT"


class WardNotMinor(Refused):
    """An adult has no guardian here."""

    reason = "WARD_NOT_MINOR"


class GuardianLinked(AlreadyThere):
    """The two are linked already."""

    reason = "GUARDIAN_LINKED"


class PermissionUnasked(Refused):
    """A purpose was not asked, or not answered. Unanswered is not yes."""

    reason = "PERMISSION_UNASKED"


class ChannelNotPermitted(Refused):
    """The answer does not permit this channel for this purpose."""

    reason = "CHANNEL_NOT_PERMITTED"


class MessageWanted(Refused):
    """The customer wants to be told: `none wanted` would not be true."""

    reason = "MESSAGE_WANTED"


class ContactMissing(Refused):
    """The person has no contact of this kind."""

    reason = "CONTACT_MISSING"


class ContactThere(Refused):
    """The person has a contact, so it is not true that there is none."""

    reason = "CONTACT_THERE"


class ContactUnverified(Refused):
    """No contact of the person, or of a minor's guardian, was verified lately as it stands now."""

    reason = "CONTACT_UNVERIFIED"


class FollowUpNotWanted(Refused):
    """The customer does not permit contact about orders."""

    reason = "FOLLOW_UP_NOT_WANTED"


class FollowUpPlanned(AlreadyThere):
    """The order has a follow-up that is still to be made."""

    reason = "FOLLOW_UP_PLANNED"


class PersonRestricted(Refused):
    """The person asked to be erased; a retention rule keeps what is there, and nothing is added."""

    reason = "PERSON_RESTRICTED"


class ErasureUnderWay(AlreadyThere):
    """The person has an erasure that has not ended."""

    reason = "ERASURE_UNDER_WAY"


class BusinessOpen(Refused):
    """An order of the person has not ended: who is erased could not be told that it is ready."""

    reason = "BUSINESS_OPEN"


class RetentionHolds(Refused):
    """A retention rule still holds; the refusal names its class, its edition and the last day."""

    reason = "RETENTION_HOLDS"


class FileImported(AlreadyThere):
    """These very bytes went in before, or are going in now."""

    reason = "FILE_IMPORTED"
