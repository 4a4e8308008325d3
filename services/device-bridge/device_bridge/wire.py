"""Between the bridge's own words and clinical's: readings as clinical takes them."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from chassis.records.envelope import Record
from chassis.wire import to_message
from device_bridge.capture import ArmedStation, Bound, Capture, CaptureState
from device_bridge.print_reader import ReadPrint
from device_bridge.readings import Observation
from optichain.clinical.v1 import clinical_service_pb2 as clinical


def reading_request(capture: Record[Capture], reading: ReadPrint) -> clinical.RecordReadingRequest:
    """Return the request that hands a capture's readings to clinical."""
    content, raw = capture.content, capture.evidence[0]
    return to_message(
        {
            "idempotency_key": content.idempotency_key,
            "branch_id": capture.branch_id,
            "station_code": content.station_code,
            "instrument_id": content.instrument_id,
            "model": content.model,
            "serial_number": content.serial_number,
            "measured_at": content.received_at,
            "observations": [_observation(one) for one in reading.decoded.observations],
            "is_partial": reading.verdict.state is CaptureState.PARTIAL,
            "is_clock_off": reading.verdict.clock_differs,
            "object_key": raw.object_key,
            "sha256": raw.sha256,
            "size_bytes": raw.size_bytes,
        },
        clinical.RecordReadingRequest,
    )


def _observation(one: Observation) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "eye": (one.eye or "").lower(),
        "distance": one.distance or "",
        "lighting": one.lighting or "",
        "statistic": one.statistic,
        "sequence": one.sequence,
        "confidence": one.confidence or "",
        "section": one.section,
        "values": one.values,
    }


def armed(answer: clinical.GetArmedStationResponse) -> ArmedStation | None:
    """Return whose readings come at a station, or None for nobody's."""
    if not answer.HasField("station"):
        return None
    station = answer.station
    return ArmedStation(visit_id=station.visit_id, armed_at=station.armed_at.ToDatetime(tzinfo=UTC))


def bound(answer: clinical.RecordReadingResponse) -> Bound:
    """Return what clinical made of a reading."""
    reading = answer.reading
    return Bound(reading_id=reading.envelope.id, visit_id=reading.visit_id)
