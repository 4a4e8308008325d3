"""The making: a job from its release through tray, stations, inspection and shipment to the
customer's hands."""

from __future__ import annotations

from gateway.route import get, post
from optichain.labjob.v1 import labjob_service_pb2 as pb

ABOUT = "Jobs, trays, stations, inspection, shipments, collection"

ROUTES = (
    post("/jobs", pb.ReleaseJobRequest),
    get("/jobs", pb.ListJobsRequest),
    get("/jobs/{job_id}", pb.GetJobRequest),
    get("/jobs/{job_id}/steps", pb.ListJobStepsRequest),
    post("/jobs/{job_id}/revise", pb.ReviseJobRequest),
    post("/jobs/{job_id}/print-ticket", pb.PrintTicketRequest),
    get("/tickets/{slip_number}", pb.GetTicketRequest),
    post("/jobs/{job_id}/send-tray", pb.SendTrayRequest),
    get("/shipments", pb.ListShipmentsRequest),
    post("/shipments/{shipment_id}/take", pb.TakeShipmentRequest),
    post("/shipments/{shipment_id}/hand-over", pb.HandOverShipmentRequest),
    post("/jobs/{job_id}/receive-tray", pb.ReceiveTrayRequest),
    post("/jobs/{job_id}/accept", pb.AcceptJobRequest),
    post("/jobs/{job_id}/query", pb.QueryJobRequest),
    post("/jobs/{job_id}/answer", pb.AnswerQueryRequest),
    post("/jobs/{job_id}/draw-lenses", pb.DrawLensesRequest),
    post("/jobs/{job_id}/start-station", pb.StartStationRequest),
    post("/jobs/{job_id}/finish-station", pb.FinishStationRequest),
    post("/jobs/{job_id}/breakages", pb.RecordBreakageRequest),
    post("/jobs/{job_id}/hold", pb.HoldJobRequest),
    post("/jobs/{job_id}/resume", pb.ResumeJobRequest),
    post("/jobs/{job_id}/start-inspection", pb.StartInspectionRequest),
    post("/jobs/{job_id}/qc-results", pb.RecordQcResultRequest),
    post("/jobs/{job_id}/rework", pb.ReworkJobRequest),
    post("/jobs/{job_id}/remake", pb.RemakeJobRequest),
    post("/jobs/{job_id}/ship", pb.ShipJobRequest),
    post("/jobs/{job_id}/receive", pb.ReceiveJobRequest),
    post("/jobs/{job_id}/check", pb.CheckAtBranchRequest),
    post("/jobs/{job_id}/mark-ready", pb.MarkReadyRequest),
    post("/jobs/{job_id}/fitting-checks", pb.RecordFittingCheckRequest),
    post("/jobs/{job_id}/collect", pb.CollectJobRequest),
    post("/labjob/reviews/{review_id}/decide", pb.DecideReviewRequest),
)
