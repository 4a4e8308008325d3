"""The sections of the story, put together as JSON."""

from __future__ import annotations

from typing import Any

from gateway.composed import Asking, answer, with_service
from gateway.into_json import json_of
from gateway.order_story import exceptions, holdings, pins, timeline
from gateway.order_story.asked import (
    DRAWN,
    FOLLOW_UPS,
    HELD,
    JOBS,
    MESSAGES,
    MONEY,
    PROMISES,
    Told,
    cut_short,
    section_of,
    told_of,
)
from gateway.story import Part, handovers_in, reviews_in

_CUT = "TOO_MANY_ROWS"


async def story_of(asking: Asking, request: Any) -> dict[str, Any]:
    """Return the story of an order. Raises what billing refuses with: without the order there is
    none."""
    return composed(await told_of(asking, request))


def composed(told: Told) -> dict[str, Any]:
    """Return the story that these answers tell."""
    past = pins.past_of(told)
    happened = timeline.section(told)
    missing = _missing(told)
    found = answer(
        told.gathered,
        order=json_of(told.order),
        case_id=told.case_id,
        promises=_promises(told),
        holdings=holdings.section(told, past),
        handovers=_json(handovers_in(told.gathered)),
        records=pins.section(told, past),
        changes=_json(told.parts("changes")),
        reviews=_json(reviews_in(told.gathered)),
        refusals=_json(told.parts("refusals")),
        issues=_json(told.parts("issues")),
        money=_money(told),
        stock=_stock(told),
        jobs=[json_of(one) for one in told.rows(JOBS, "jobs")],
        steps=[json_of(one) for one in told.steps()],
        messages=[json_of(one) for one in told.rows(MESSAGES, "messages")],
        follow_ups=[json_of(one) for one in told.rows(FOLLOW_UPS, "follow_ups")],
        exceptions=exceptions.section(told),
        timeline=happened,
        traces=timeline.traces(happened),
        missing=missing,
    )
    is_cut = any(one["reason"] == _CUT for one in missing)
    return {**found, "is_partial": found["is_partial"] or is_cut}


def _json(parts: list[Part]) -> list[dict[str, Any]]:
    return [with_service(service, json_of(one)) for service, one in parts]


def _promises(told: Told) -> dict[str, Any]:
    """Return the ledger of promises: the first one kept, every later one with its cause and how the
    customer heard of it, and what became of it."""
    found = told.one(PROMISES)
    return json_of(found) if found is not None else {"promises": []}


def _money(told: Told) -> dict[str, Any]:
    """Return the balance as the order tells it, and the postings for who may read the ledger."""
    postings = [json_of(one) for one in told.rows(MONEY, "postings")]
    return {"balance": json_of(told.order.balance), "postings": postings}


def _stock(told: Told) -> dict[str, Any]:
    return {
        "set_asides": [json_of(one) for one in told.rows(HELD, "set_asides")],
        "reservations": [json_of(one) for one in told.rows(HELD, "reservations")],
        "pieces": [json_of(one) for one in told.rows(HELD, "pieces")],
        "locked_lot_ids": told.rows(HELD, "locked_lot_ids"),
        "draws": [json_of(one) for one in told.rows(DRAWN, "draws")],
        "breakages": [json_of(one) for one in told.rows(DRAWN, "breakages")],
    }


def _missing(told: Told) -> list[dict[str, Any]]:
    """Return which section lacks whose part, and why; each once."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in told.gathered.failed:
        section = section_of(one.name)
        said = {"section": section, **one.said(), "is_forbidden": one.is_forbidden}
        found.setdefault((section, one.service), said)
    for section, service in cut_short(told):
        detail = "there is more than the story holds"
        cut = {"section": section, "service": service, "reason": _CUT, "detail": detail}
        found.setdefault((section, service), {**cut, "is_forbidden": False})
    return [found[key] for key in sorted(found)]
