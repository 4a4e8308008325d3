"""What the door itself refuses, before any service is asked; and what it says when one fails."""

from __future__ import annotations

from chassis.errors import DomainError, TooManyAttempts, Unavailable


class RouteUnknown(DomainError):
    """Nothing is served at this path."""

    reason = "ROUTE_UNKNOWN"


class MethodRefused(DomainError):
    """The path is served, but not by this HTTP method."""

    reason = "METHOD_NOT_ALLOWED"


class BodyMalformed(DomainError):
    """The body is no JSON document."""

    reason = "BODY_MALFORMED"


class BodyTooLarge(DomainError):
    """The body is larger than the door takes."""

    reason = "BODY_TOO_LARGE"


class BodyTooSlow(DomainError):
    """The body did not arrive in time."""

    reason = "BODY_TOO_SLOW"


class MediaTypeRefused(DomainError):
    """The body is of a media type that the route does not take."""

    reason = "MEDIA_TYPE_REFUSED"


class TooLate(Unavailable):
    """A service did not answer in time; whether a write took place is not known: repeat it under
    the same Idempotency-Key."""

    reason = "DEADLINE_EXCEEDED"


class AddressThrottled(TooManyAttempts):
    """Too many failures to sign in came from this address."""

    reason = "ADDRESS_THROTTLED"


class ServiceFailed(Exception):
    """A service failed without saying why; the caller is told nothing more than that."""
