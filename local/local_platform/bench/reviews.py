"""How soon after a change whoever relied on it is asked: prescriptions are amended while nothing
else goes on, and a review must stand at the order (billing) and at the job (labjob)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg

from chassis.ids import as_uuid
from local_platform.bench import spans
from local_platform.bench.load import spread
from local_platform.demo.shop import Glasses, Shop
from local_platform.platform import Platform

HOLDERS = ("billing", "labjob")
"""The services in which an order and its job stand on the prescription."""

_MEASURED = (
    "clinical.AmendPrescription of the right lens, one at a time on the idle platform; each makes "
    "a review of the order (billing) and one of its job (labjob). commit_to_commit: from the "
    "commit of the change to the commit of the review, by the spans of both transactions; stages: "
    "until the relay published it, until it was taken in hand, until the review was committed. "
    "recorded: from recorded_at of the change's history row to recorded_at of the review, both the "
    "beginning of their transactions. seen: from the answer to the amendment until "
    "gateway.ListCaseReviews, asked again and again, shows both. machine_busy_percent: of all its "
    "cores meanwhile, by whatever ran on it; the platform alone leaves most of them idle."
)
_SPHERES = (-325, -300)
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_IDLE_SECONDS = 0.2
"""Lets what follows a review (worklists, handovers) be over before the next change."""

_CHANGED = "SELECT min(recorded_at) FROM history WHERE record_id = %s AND version = %s"
_REVIEWED = """
    SELECT min(record.recorded_at) FROM review JOIN record USING (id)
    WHERE review.record_id = %s AND review.version = %s
"""

Report = dict[str, Any]
Database = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Change:
    """An amendment that was made: of which prescription, and the version it has since."""

    prescription_id: str
    version: int


def measure(run: Platform, shop: Shop, placed: list[Glasses], changes: int) -> Report:
    """Amend the prescriptions of placed orders in turn, first with nobody looking on, then a third
    as many watched over HTTP. Raises ApiRefused; a review that never comes is counted as
    missing."""
    owned = {service: _connect(run, service) for service in ("clinical", *HOLDERS)}
    try:
        start_ns = time.time_ns()
        psutil.cpu_percent()  # what it returns next is of the time since now
        recorded, missing = _unwatched(shop, placed, changes, owned)
        busy, end_ns = psutil.cpu_percent(), time.time_ns()
        seen = _watched(shop, placed, max(changes // 3, 1))
    finally:
        for connection in owned.values():
            connection.close()
    time.sleep(spans.ARRIVE_SECONDS)
    heard = spans.effects(
        spans.between(run.var / "telemetry", start_ns, end_ns), spans.RECORD_CHANGED
    )
    by_holder = {
        service: [one for one in heard if one.process == f"{service}.worker"] for service in HOLDERS
    }
    return {
        "measured": _MEASURED,
        "changes": changes,
        "reviews": changes * len(HOLDERS) - missing,
        "missing": missing,
        "machine_busy_percent": busy,
        "commit_to_commit": _by_holder(
            {service: [one.ms for one in each] for service, each in by_holder.items()}
        ),
        "stages": _stages([one for each in by_holder.values() for one in each]),
        "recorded": _by_holder(recorded),
        "seen": spread(seen),
    }


def _by_holder(found: dict[str, list[float]]) -> Report:
    together = [ms for each in found.values() for ms in each]
    return {**{service: spread(each) for service, each in found.items()}, "all": spread(together)}


def _stages(heard: list[spans.Effect]) -> Report:
    return {
        "published": spread([one.published_ms for one in heard]),
        "delivered": spread([one.delivered_ms for one in heard]),
        "done": spread([one.done_ms for one in heard]),
    }


def _connect(run: Platform, service: str) -> Database:
    url = run.environment[f"{service.upper()}_MIGRATE_URL"].replace("+psycopg", "")
    return psycopg.connect(url, autocommit=True)


def _unwatched(
    shop: Shop, placed: list[Glasses], changes: int, owned: dict[str, Database]
) -> tuple[dict[str, list[float]], int]:
    """Return the milliseconds between the two rows, by holder, and how many reviews never came."""
    found: dict[str, list[float]] = {service: [] for service in HOLDERS}
    missing = 0
    for number in range(changes):
        change = _amend(shop, placed[number % len(placed)])
        changed_at = _one(
            owned["clinical"], _CHANGED, as_uuid(change.prescription_id), change.version
        )
        for service in HOLDERS:
            reviewed_at = _until(
                lambda service=service, change=change: _one(  # type: ignore[misc]
                    owned[service], _REVIEWED, change.prescription_id, change.version
                )
            )
            if reviewed_at is None:
                missing += 1
            else:
                found[service].append((reviewed_at - changed_at).total_seconds() * 1000)
        time.sleep(_IDLE_SECONDS)
    return found, missing


def _watched(shop: Shop, placed: list[Glasses], changes: int) -> list[float]:
    """Return the milliseconds from the answer to a change until both of its reviews are shown."""
    optician = shop.desk("optician.ja1")
    optician.sign_in()
    seen = []
    for number in range(changes):
        glasses = placed[number % len(placed)]
        change = _amend(shop, glasses)
        answered = time.perf_counter()

        def all_shown(glasses: Glasses = glasses, change: Change = change) -> bool:
            shown = optician.do("gateway.ListCaseReviews", case_id=glasses.case_id)["reviews"]
            at = {
                one["service"]
                for one in shown
                if (one["record_id"], one["version"]) == (change.prescription_id, change.version)
            }
            return at.issuperset(HOLDERS)

        if _until(all_shown):
            seen.append((time.perf_counter() - answered) * 1000)
        time.sleep(_IDLE_SECONDS)
    return seen


def _amend(shop: Shop, glasses: Glasses) -> Change:
    """Correct the right lens of a prescription, to and fro."""
    before = glasses.prescription
    sphere = next(one for one in _SPHERES if one != before["od"]["sphere_centidioptres"])
    glasses.prescription = shop.desk("optometrist.ja1").do(
        "clinical.AmendPrescription",
        prescription_id=before["envelope"]["id"],
        revision=before["envelope"]["revision"],
        reason_code="RX_TRANSCRIPTION",
        reason="The power was read from the wrong line.",
        od={**before["od"], "sphere_centidioptres": sphere},
    )["prescription"]
    envelope = glasses.prescription["envelope"]
    return Change(str(envelope["id"]), int(envelope["version"]))


def _one(connection: Database, statement: str, *values: object) -> Any:
    row = connection.execute(statement, values).fetchone()
    return row[0] if row else None


def _until(look: Callable[[], Any]) -> Any:
    """Look until there is something; None after half a minute."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends:
        seen = look()
        if seen:
            return seen
        time.sleep(_LOOK_SECONDS)
    return None
