"""The customers: finding them, their contacts and permissions, guardians, messages, follow-ups,
erasures, the import of old files. What names a person travels in the body, never in an address."""

from __future__ import annotations

from gateway.route import get, post
from optichain.customer.v1 import customer_service_pb2 as pb

ABOUT = "Customers, contacts, permissions, guardians, messages, follow-ups, closed files, imports"

ROUTES = (
    post("/customers", pb.RegisterPersonRequest),
    post("/customers/search", pb.SearchPeopleRequest),
    post("/customers/find-duplicates", pb.FindDuplicatesRequest),
    get("/customers/{customer_id}", pb.GetPersonRequest),
    post("/customers/{customer_id}/amend", pb.AmendPersonRequest),
    post("/customers/{customer_id}/resolve-duplicate", pb.ResolveDuplicateRequest),
    post("/customers/{customer_id}/erasures", pb.RequestErasureRequest),
    get("/erasures", pb.ListErasuresRequest),
    get("/erasures/{erasure_id}", pb.GetErasureRequest),
    post("/erasures/{erasure_id}/decide", pb.DecideErasureRequest),
    get("/duplicates", pb.ListDuplicatesRequest),
    post("/customers/{customer_id}/verify-contact", pb.VerifyContactRequest),
    post("/customers/{customer_id}/contact-permissions", pb.RecordContactPermissionRequest),
    get("/customers/{customer_id}/contact-permissions/{purpose}", pb.GetContactPermissionRequest),
    post("/customers/{customer_id}/guardians", pb.LinkGuardianRequest),
    post("/guardian-links/{link_id}/end", pb.EndGuardianLinkRequest),
    get("/customers/{customer_id}/household", pb.ListHouseholdRequest),
    post("/customers/{customer_id}/messages", pb.RecordMessageRequest),
    get("/customers/{customer_id}/messages", pb.ListMessagesRequest),
    post("/customers/{customer_id}/follow-ups", pb.PlanFollowUpRequest),
    get("/follow-ups", pb.ListFollowUpsRequest),
    post("/follow-ups/{follow_up_id}/record", pb.RecordFollowUpRequest),
    post("/follow-ups/{follow_up_id}/waive", pb.WaiveFollowUpRequest),
    post("/customers/{customer_id}/protection-tier", pb.SetProtectionTierRequest),
    post("/customers/{customer_id}/break-glass", pb.BreakGlassRequest),
    get("/break-glasses", pb.ListBreakGlassesRequest),
    post("/break-glasses/{break_glass_id}/close", pb.CloseBreakGlassRequest),
    post("/imports", pb.StartImportRequest),
    get("/imports/{import_id}", pb.GetImportRequest),
    post("/imports/{import_id}/end", pb.EndImportRequest),
    get("/imports/{import_id}/rows", pb.ListImportRowsRequest),
)
