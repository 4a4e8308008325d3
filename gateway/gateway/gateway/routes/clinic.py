"""The eye examination: the day's list, visits, readings, refractions, prescriptions, the recheck;
and the dispensing that follows: needs, frame, lens, fitting measurement."""

from __future__ import annotations

from gateway.route import get, post
from optichain.clinical.v1 import clinical_service_pb2 as pb

ABOUT = "Appointments, visits, readings, refractions, prescriptions, dispensing, rechecks"

ROUTES = (
    post("/appointments", pb.BookAppointmentRequest),
    post("/appointments/{appointment_id}/cancel", pb.CancelAppointmentRequest),
    get("/day", pb.ListDayRequest),
    post("/visits", pb.OpenVisitRequest),
    get("/visits/{visit_id}", pb.GetVisitRequest),
    post("/visits/{visit_id}/hand-to-examiner", pb.HandToExaminerRequest),
    post("/visits/{visit_id}/close", pb.CloseVisitRequest),
    post("/visits/{visit_id}/arm-station", pb.ArmStationRequest),
    post("/visits/{visit_id}/disarm-station", pb.DisarmStationRequest),
    get("/visits/{visit_id}/readings", pb.ListReadingsRequest),
    get("/readings/unclaimed", pb.ListUnclaimedReadingsRequest),
    get("/readings/{reading_id}", pb.GetReadingRequest),
    post("/readings/{reading_id}/claim", pb.ClaimReadingRequest),
    post("/visits/{visit_id}/refractions", pb.RecordRefractionRequest),
    get("/refractions/{refraction_id}", pb.GetRefractionRequest),
    post("/refractions/{refraction_id}/sign", pb.SignRefractionRequest),
    post("/refractions/{refraction_id}/prescriptions", pb.SignPrescriptionRequest),
    post("/visits/{visit_id}/external-prescriptions", pb.RecordExternalPrescriptionRequest),
    post("/visits/{visit_id}/plausibility-confirmations", pb.ConfirmPlausibilityRequest),
    get("/prescriptions/{prescription_id}", pb.GetPrescriptionRequest),
    post("/prescriptions/{prescription_id}/amend", pb.AmendPrescriptionRequest),
    post("/prescriptions/{prescription_id}/revoke", pb.RevokePrescriptionRequest),
    get("/customers/{customer_id}/prescriptions", pb.ListPrescriptionsRequest),
    get("/customers/{customer_id}/vision-file", pb.GetVisionFileRequest),
    post("/visits/{visit_id}/needs-analyses", pb.RecordNeedsAnalysisRequest),
    post("/visits/{visit_id}/frame-selections", pb.SelectFrameRequest),
    get("/frame-selections/{frame_selection_id}", pb.GetFrameSelectionRequest),
    post("/visits/{visit_id}/lens-specifications", pb.SpecifyLensRequest),
    get("/lens-specifications/{lens_specification_id}", pb.GetLensSpecificationRequest),
    get("/lens-specifications/{lens_specification_id}/fit", pb.RequireLensFitsRequest),
    post("/visits/{visit_id}/fitting-measurements", pb.RecordFittingMeasurementRequest),
    get("/fitting-measurements/{fitting_measurement_id}", pb.GetFittingMeasurementRequest),
    get("/recheck-plans", pb.ListRecheckPlansRequest),
    post("/recheck-plans/{recheck_plan_id}/keep", pb.KeepRecheckRequest),
    post("/recheck-plans/{recheck_plan_id}/waive", pb.WaiveRecheckRequest),
    post("/clinical/reviews/{review_id}/decide", pb.DecideReviewRequest),
)
