"""What is the same in every service: a record and its changes by the id alone, and the photos,
scans and signatures of each service's records."""

from __future__ import annotations

from gateway.owners import SERVICES, owner_of_issue, owner_of_record, owner_of_review
from gateway.route import get, post
from optichain.object.v1 import object_service_pb2 as objects
from optichain.record.v1 import issue_service_pb2 as issues
from optichain.record.v1 import record_service_pb2 as records

ABOUT = "Records, changes, cases, issues, what waits, uploads"

ROUTES = (
    get("/records/{record_id}", records.GetRecordRequest, of=owner_of_record),
    get("/records/{record_id}/changes", records.ListChangesRequest, of=owner_of_record),
    get("/reviews/{review_id}", records.GetReviewRequest, of=owner_of_review),
    get("/issues/{issue_id}", records.GetIssueRequest, of=owner_of_issue),
    post("/issues/{issue_id}/additions", issues.AddToIssueRequest, of=owner_of_issue),
    post("/issues/{issue_id}/assign", issues.AssignIssueRequest, of=owner_of_issue),
    post("/issues/{issue_id}/condition", issues.AmendIssueConditionRequest, of=owner_of_issue),
    post("/issues/{issue_id}/close", issues.CloseIssueRequest, of=owner_of_issue),
    *(
        route
        for service in SERVICES
        for route in (
            post(f"/{service}/issues", issues.OpenIssueRequest, of=service),
            post(f"/{service}/uploads", objects.OfferUploadRequest, of=service),
            post(f"/{service}/uploads/confirm", objects.ConfirmObjectRequest, of=service),
            get(f"/{service}/objects", objects.OfferReadRequest, of=service),
            get(f"/{service}/history/flaws", records.ListHistoryFlawsRequest, of=service),
            get(f"/{service}/anchors/flaws", records.ListAnchorFlawsRequest, of=service),
            get(f"/{service}/evidence/flaws", records.ListEvidenceFlawsRequest, of=service),
        )
    ),
)
