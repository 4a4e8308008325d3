"""What every service serves in the same way beside its own RPCs."""

from __future__ import annotations

from chassis.rpc import issue_service, object_service, record_service

SHARED_APIS = (record_service.api, issue_service.api, object_service.api)
