"""The auditor's list: who looked at people, in every service."""

from __future__ import annotations

from gateway.composed import Composed
from gateway.merged import Merged
from gateway.route import get
from optichain.record.v1 import record_service_pb2 as records

LOOKS = Merged(
    request=records.ListAccessRequest,
    response=records.ListAccessResponse,
    field="looks",
    place=lambda one: (one.looked_at.ToNanoseconds(), one.id),
    order="Oldest first",
)

COMPOSED = (
    Composed(
        route=get("/access", records.ListAccessRequest),
        name="ListAccess",
        subject="records",
        text=(
            "Returns who looked at people, at whom and what for, from every service, oldest first: "
            "everybody's looks, those at one customer, those of one person, those since an "
            "instant; or the unusual ones of them. For auditors."
        ),
        asks=(records.ListAccessRequest,),
        schema=LOOKS.schema,
        compose=LOOKS.page,
    ),
)
