"""Which service keeps a record, told by the kind in front of its id."""

from __future__ import annotations

from typing import Any

from chassis.errors import Unknown
from chassis.ids import check_id, prefix_of

_KINDS = {
    "organisation": "br stf qlf drl",
    "customer": "cus cvf cpm gdl fup msg imp dup ers bgl",
    "inventory": "prd lot rcp trf sta rsv drw brk",
    "clinical": "apt vis drd ref rx pcf rpl nds fsl fmm lsp",
    "billing": "qto apr ord prm pmo chg pay pls trm rct",
    "labjob": "job shp lrc acc jqr ste bkr qcr rep brc bck fck col war",
    "device_bridge": "ins cap",
}

SERVICES = tuple(_KINDS)
"""Every service that keeps records and objects."""

CASE_SERVICES = ("customer", "inventory", "clinical", "billing", "labjob")
"""The services whose records may belong to a case."""

OWNERS = {kind: service for service, kinds in _KINDS.items() for kind in kinds.split()} | {
    f"{service}_{what}": service for service in _KINDS for what in ("review", "issue")
}
"""Service by kind of id. A test compares it with the kinds that the services declare."""


def owner_of(record_id: str) -> str:
    """Return the service that keeps the record. Raises Invalid (ID_MALFORMED), Unknown."""
    check_id("record_id", record_id, "any")
    try:
        return OWNERS[prefix_of(record_id)]
    except KeyError:
        raise Unknown("no service keeps records of this kind", id=record_id) from None


def owner_of_record(request: Any) -> str:
    """Return the service that keeps the record a request names."""
    return owner_of(request.record_id)


def owner_of_review(request: Any) -> str:
    """Return the service that keeps the review a request names."""
    return owner_of(request.review_id)


def owner_of_issue(request: Any) -> str:
    """Return the service that keeps the issue a request names."""
    return owner_of(request.issue_id)
