"""The stations of a lab and the route a job takes through them: every station once, in order, none
skipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chassis.errors import Refused, invalid


class Station(StrEnum):
    """A station; while it is worked, and until the next begins, the job's state has its name."""

    TRACING = "tracing"
    PICKING = "picking"
    SURFACING = "surfacing"
    COATING = "coating"
    BLOCKING = "blocking"
    EDGING = "edging"
    ASSEMBLY = "assembly"

    @property
    def is_irreversible(self) -> bool:
        """Whether it cannot be undone: its start is a gate."""
        return self in (Station.SURFACING, Station.EDGING)


class JobPart(StrEnum):
    """A part of a job that may break or be missing."""

    LENS_OD = "lens_od"
    LENS_OS = "lens_os"
    FRAME = "frame"


class NoRoute(Refused):
    """No route makes this kind of lens."""

    reason = "NO_ROUTE"


class StationNotNext(Refused):
    """Another station of the route comes first, or this one is done or not on the route."""

    reason = "STATION_NOT_NEXT"


class StationNotDone(Refused):
    """A station of the route is not done yet."""

    reason = "STATION_NOT_DONE"


@dataclass(frozen=True, kw_only=True)
class Route:
    """The stations a job needs, by name and edition of the rule it was chosen from."""

    name: str
    edition: str
    stations: tuple[Station, ...]

    @classmethod
    def choose(cls, lens_supply: str, *, edition: str, body: Mapping[str, Any]) -> Route:
        """Return the route for lenses of that supply. Raises NoRoute."""
        for name, route in body["routes"].items():
            if route["lens_supply"] == lens_supply:
                stations = tuple(Station(one) for one in route["stations"])
                return cls(name=name, edition=edition, stations=stations)
        raise NoRoute(f"no route makes {lens_supply or 'unknown'} lenses", lens_supply=lens_supply)


def next_station(route: Sequence[Station], done: Iterable[Station]) -> Station | None:
    """Return the first station of the route that is not done; None when all are."""
    finished = set(done)
    return next((station for station in route if station not in finished), None)


def require_next(route: Sequence[Station], done: Iterable[Station], station: Station) -> None:
    """Refuse a station that is not the next one. Raises StationNotNext."""
    expected = next_station(route, done)
    if expected is not station:
        wanted = expected.value if expected else "inspection"
        raise StationNotNext(
            f"{station} is not next; the route goes on with {wanted}",
            missing=[f"station done: {wanted}"] if expected else [],
            station=station,
            next=wanted,
        )


def require_all_done(route: Sequence[Station], done: Iterable[Station]) -> None:
    """Refuse to go on while a station is not done. Raises StationNotDone naming each."""
    finished = set(done)
    missing = [station for station in route if station not in finished]
    if missing:
        raise StationNotDone(
            f"not done: {', '.join(missing)}", missing=[f"station done: {one}" for one in missing]
        )


def done_before(
    route: Sequence[Station], done: Iterable[Station], station: Station
) -> tuple[Station, ...]:
    """Return what stays done when a pair goes back to a station: what lies before it. Raises
    Invalid (STATION_NOT_ON_ROUTE)."""
    if station not in route:
        raise invalid(
            "station", "route", "is not on the job's route", reason="STATION_NOT_ON_ROUTE"
        )
    before = route[: route.index(station)]
    finished = set(done)
    return tuple(one for one in before if one in finished)


def done_without(
    done: Iterable[Station], parts: Iterable[JobPart], works_on: Mapping[str, str]
) -> tuple[Station, ...]:
    """Return what stays done when parts are replaced: the stations that worked on neither them nor
    the pair."""
    undone = {"pair"} | {"frame" if part is JobPart.FRAME else "lens" for part in parts}
    return tuple(station for station in done if works_on[station] not in undone)
