"""The chain itself: signing in, branches, staff and what they are qualified for."""

from __future__ import annotations

from gateway.route import delete, get, post
from optichain.organisation.v1 import organisation_service_pb2 as pb

ABOUT = "Signing in, branches, staff, qualifications and drills"

ROUTES = (
    post("/sessions", pb.SignInRequest),
    post("/sessions/{session_id}/renew", pb.RenewSessionRequest),
    delete("/sessions/{session_id}", pb.SignOutRequest),
    post("/password", pb.ChangePasswordRequest),
    post("/identity", pb.ConfirmIdentityRequest),
    post("/branches", pb.OpenBranchRequest),
    get("/branches", pb.ListBranchesRequest),
    get("/branches/{branch_id}", pb.GetBranchRequest),
    post("/branches/{branch_id}/close", pb.CloseBranchRequest),
    post("/staff", pb.AppointStaffRequest),
    get("/staff", pb.ListStaffRequest),
    get("/staff/{staff_id}", pb.GetStaffRequest),
    post("/staff/{staff_id}/amend", pb.AmendStaffRequest),
    post("/staff/{staff_id}/end-employment", pb.EndEmploymentRequest),
    post("/staff/{staff_id}/release-login", pb.ReleaseLoginRequest),
    post("/staff/{staff_id}/qualifications", pb.RecordQualificationRequest),
    get("/staff/{staff_id}/qualifications", pb.ListQualificationsRequest),
    get("/qualifications/expiring", pb.ListExpiringQualificationsRequest),
    get("/drills", pb.ListDrillsRequest),
    get("/drills/{drill_id}", pb.GetDrillRequest),
    post("/qualifications/{qualification_id}/revoke", pb.RevokeQualificationRequest),
)
