"""Starting a drill and looking at it: it is begun by the caller, goes on by itself in this process,
and leaves its report with organisation, where every gateway finds it.

It takes from seconds to minutes (what falls due waits for a clock), longer than an HTTP request
may: so the caller gets the drill's id at once and looks again. A drill whose gateway ends is left
running without a report, and its records are purged all the same.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from chassis import telemetry
from chassis.errors import DomainError, Unknown
from gateway.clients import Clients
from gateway.composed import Asking, Composed
from gateway.drill.cases import CASES, Case
from gateway.drill.floor import DrillBroken, Floor
from gateway.drill.report import Report, instant
from gateway.edge import log
from gateway.errors import ServiceFailed
from gateway.into_json import json_of
from gateway.route import get, post
from gateway.schemas import Schema, Schemas
from optichain.organisation.v1 import organisation_service_pb2 as organisation

_LONGEST_SECONDS = 600.0
_CALL_SECONDS = 10.0

_running: set[asyncio.Task[None]] = set()


async def _start(asking: Asking, request: Any) -> dict[str, Any]:
    case = CASES.get(request.drill_case)
    if case is None:
        raise Unknown(f"there is no case {request.drill_case}", reason="DRILL_CASE_UNKNOWN")
    begun = await asking.one(request)
    task = asyncio.create_task(run(asking.clients, begun, case))
    _running.add(task)
    task.add_done_callback(_running.discard)
    return {"drill": json_of(begun.drill)}


async def run(clients: Clients, begun: Any, case: Case) -> None:
    """Play a case, and end the drill with its report."""
    with telemetry.span(f"drill {case.code}", new_trace=True):
        report = await played(clients, begun, case)
        floor = Floor(clients, begun, report)
        try:
            await floor.do(
                "quality_manager",
                organisation.EndDrillRequest,
                drill_id=begun.drill.envelope.id,
                is_held=report.is_held,
                report_json=msgspec.json.encode(report.as_json()).decode(),
            )
        except (DomainError, ServiceFailed) as error:
            log.error("drill without report", drill=report.drill_id, error=type(error).__name__)


async def played(clients: Clients, begun: Any, case: Case) -> Report:
    """Return the report of a case that was played; whatever stops it is its problem."""
    report = Report(
        drill_id=begun.drill.envelope.id,
        drill_case=case.code,
        text=case.text,
        began_at=instant(datetime.now(UTC)),
    )
    began = time.monotonic()
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await case.play(Floor(clients, begun, report))
    except DomainError as refused:
        report.problem = f"{_last(report)}{refused.code}: {refused.text}"
    except DrillBroken as broken:
        report.problem = str(broken)
    except Exception as error:
        log.error("drill broken", drill=report.drill_id, exc_info=error)
        report.problem = f"{_last(report)}{type(error).__name__}"
    report.seconds = round(time.monotonic() - began, 1)
    return report


def _last(report: Report) -> str:
    done = report.steps[-1].what if report.steps else "nothing"
    return f"after {done}: "


async def _cases(asking: Asking, request: Any) -> dict[str, Any]:
    await asking.one(request)  # for whom the drills are, organisation knows
    return {"cases": [{"code": one.code, "text": one.text} for one in CASES.values()]}


def _started_schema(schemas: Schemas) -> Schema:
    drill: Any = organisation.StartDrillResponse.DESCRIPTOR.fields_by_name["drill"].message_type
    return {
        "type": "object",
        "properties": {"drill": schemas.given(drill)},
        "required": ["drill"],
    }


def _cases_schema(_schemas: Schemas) -> Schema:
    text = {"type": "string"}
    one = {"type": "object", "properties": {"code": text, "text": text}, "required": ["code"]}
    cases = {"type": "array", "items": one}
    return {"type": "object", "properties": {"cases": cases}, "required": ["cases"]}


COMPOSED = (
    Composed(
        route=post("/drills", organisation.StartDrillRequest),
        name="RunDrill",
        subject="chain",
        text=(
            "Begins a drill and lets it run. A journey on records of its own, in which the case "
            "goes wrong; it goes on by itself, and `GET /drills/{drill_id}` tells its report once "
            "its state is ended: who was told and when, which gate held, what did not."
        ),
        asks=(organisation.StartDrillRequest, organisation.EndDrillRequest),
        schema=_started_schema,
        compose=_start,
    ),
    Composed(
        route=get("/drills/cases", organisation.ListDrillsRequest),
        name="ListDrillCases",
        subject="chain",
        text="Returns the cases that a drill can play, each with what it shows.",
        asks=(organisation.ListDrillsRequest,),
        schema=_cases_schema,
        compose=_cases,
    ),
)
