"""What a review of a reservation may come to besides another piece in its place: given back."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.db import UnitOfWork
from chassis.records.deciding import Consequences
from chassis.records.envelope import Record
from chassis.records.reviews import Decision, Review
from inventory.commands_reservation import give_back
from inventory.reservation import RESERVATION, Reservation


def cancel(
    work: UnitOfWork, reservation: Record[Reservation], review: Record[Review]
) -> Sequence[str]:
    """Give the stock back. Raises MoveForbidden."""
    give_back(work, reservation, f"decided in {review.id}")
    return ()


CONSEQUENCES: Consequences = {(RESERVATION.name, Decision.CANCEL): cancel}
