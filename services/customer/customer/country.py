"""What the country of the chain says: how its phones are written, which day it is, who is adult."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chassis import clock


@dataclass(frozen=True)
class Country:
    """Region of national phone forms (ISO 3166), IANA zone of the chain's dates, full years of age
    from which a person is an adult."""

    phone_region: str
    time_zone: str
    adult_age_years: int

    def today(self) -> date:
        """Return today's date by the chain's dates."""
        return clock.today(self.time_zone)

    def is_minor(self, birthday: date | None) -> bool:
        """Tell whether somebody born on that day is not grown up yet; false when it is unknown."""
        return birthday is not None and age_years(birthday, self.today()) < self.adult_age_years


def age_years(birthday: date, today: date) -> int:
    """Return full years of age; who was born on 29 February ages on 1 March in other years."""
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))
