"""The bridge's gRPC face, and the reading of lines that goes on beside it."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis.rpc import Api, Call
from chassis.rpc.server import Steps
from device_bridge import commands, commands_captures, queries, wire
from device_bridge.instrument import INSTRUMENT
from device_bridge.listening import Listening
from device_bridge.print_reader import print_of, read
from optichain.clinical.v1 import clinical_service_pb2 as clinical
from optichain.device_bridge.v1 import device_bridge_service_pb2
from optichain.organisation.v1 import organisation_service_pb2 as organisation

api = Api(device_bridge_service_pb2, "DeviceBridgeService")
APIS = (api,)

api.commands(
    AmendInstrument=commands.amend_instrument,
    TakeOutOfService=commands.take_out_of_service,
    ReturnToService=commands.return_to_service,
    DismissCapture=commands_captures.dismiss_capture,
)
api.queries(
    ListInstruments=queries.list_instruments,
    ListCaptures=queries.list_captures,
    GetCapture=queries.get_capture,
)


@api.asks("RegisterInstrument")
def register_instrument(call: Call, request: Any) -> Message:
    """Ask organisation for the branch, then register."""
    branch = call.ask(
        organisation.GetBranchRequest(branch_id=request.branch_id), organisation.GetBranchResponse
    ).branch
    return call.run(commands.register_instrument, time_zone=branch.time_zone)


@api.asks("RetryCapture")
def retry_capture(call: Call, request: Any) -> Message:
    """Read the kept bytes again, hand what they hold to clinical, and note what came of it."""
    with call.database.work(call.actor) as work:
        capture = commands_captures.capture_to_retry(
            work, capture_id=request.capture_id, revision=request.revision
        )
        instrument = work.records.find(INSTRUMENT, capture.content.instrument_id)
        allows = queries.clock_allowance(work.connection, capture.content.received_at.date())
    sent = call.objects.get(capture.evidence[0].object_key)
    reading = read(
        print_of(capture, sent, time_zone=instrument.content.time_zone), clock_allows=allows
    )
    bound = None
    if reading.decoded.observations:
        # Clinical takes a key once, so that asking again, or in vain, changes nothing there.
        request_to_clinical = wire.reading_request(capture, reading)
        bound = wire.bound(call.ask(request_to_clinical, clinical.RecordReadingResponse))
    return call.run(commands_captures.retry_capture, reading=reading, bound=bound)


def background(steps: Steps) -> Listening:
    """Start reading the instruments' lines; it goes on until its `stop`."""
    listening = Listening(steps)
    listening.start()
    return listening
