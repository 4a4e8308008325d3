"""The instruments of a branch and what they sent."""

from __future__ import annotations

from gateway.route import get, post
from optichain.device_bridge.v1 import device_bridge_service_pb2 as pb

ABOUT = "Instruments and their captures"

ROUTES = (
    post("/instruments", pb.RegisterInstrumentRequest),
    get("/instruments", pb.ListInstrumentsRequest),
    post("/instruments/{instrument_id}/amend", pb.AmendInstrumentRequest),
    post("/instruments/{instrument_id}/take-out-of-service", pb.TakeOutOfServiceRequest),
    post("/instruments/{instrument_id}/return-to-service", pb.ReturnToServiceRequest),
    get("/captures", pb.ListCapturesRequest),
    get("/captures/{capture_id}", pb.GetCaptureRequest),
    post("/captures/{capture_id}/retry", pb.RetryCaptureRequest),
    post("/captures/{capture_id}/dismiss", pb.DismissCaptureRequest),
)
