"""What is asked for the story of an order, and of whom: two rounds at once, and a third for what is
relied on outside of the case. One deadline covers all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from chassis.ids import prefix_of
from gateway.composed import Asked, Asking, Gathered
from gateway.owners import CASE_SERVICES, OWNERS
from gateway.story import Part, handovers_of, records_in, records_of, reviews_of
from optichain.billing.v1 import billing_service_pb2 as billing
from optichain.customer.v1 import customer_service_pb2 as customer
from optichain.inventory.v1 import inventory_service_pb2 as inventory
from optichain.labjob.v1 import labjob_service_pb2 as labjob
from optichain.record.v1 import record_service_pb2 as records

MOST_ROWS, MOST_CHANGES, MOST_PINNED = 200, 1000, 60
_FIRST_SHARE = 0.75
"""The part of the time that the first rounds may take, so that a silent service leaves some for
what is relied on outside of the case."""

PROMISES, MONEY, FOLLOW_UPS, MESSAGES, JOBS = "promises", "money", "follow_ups", "messages", "jobs"
HELD, DRAWN = "stock held", "stock drawn"
"""Names of what is asked; the first word of each is the section it belongs to."""


@dataclass(frozen=True)
class Told:
    """What the services told of an order."""

    order: Any
    gathered: Gathered

    @property
    def case_id(self) -> str:
        """The case of the order."""
        return str(self.order.order.envelope.case_id)

    def one(self, name: str) -> Any:
        """Return the answer asked by this name; None when there is none."""
        return self.gathered.answers.get(name)

    def rows(self, name: str, field: str) -> list[Any]:
        """Return the rows of such an answer; none when there is none."""
        found = self.one(name)
        return list(getattr(found, field)) if found is not None else []

    def parts(self, section: str) -> list[Part]:
        """Return the rows that every service told of the case, each with its service."""
        return [
            (service, one)
            for service in CASE_SERVICES
            for one in self.rows(f"{section} {service}", section)
        ]

    def steps(self) -> list[Any]:
        """Return the steps of each job that were told."""
        answers = self.gathered.answers.items()
        return [answer for name, answer in answers if name.startswith(f"{JOBS} ")]


async def told_of(asking: Asking, request: billing.GetOrderRequest) -> Told:
    """Ask for everything about an order. Raises what billing refuses with: without the order there
    is no story."""
    first = asking.all_within(asking.seconds * _FIRST_SHARE)
    whole = asking.all_within(asking.seconds)
    order, jobs, own = await _together(
        _order_and_case(first, request),
        _jobs_and_steps(first, request.order_id),
        first.all(_of_order(request.order_id)),
    )
    found, gathered = order
    gathered.add(jobs)
    gathered.add(own)
    gathered.add(await whole.all(_outside(gathered)))
    return Told(found, gathered)


async def _order_and_case(asking: Asking, request: Any) -> tuple[Any, Gathered]:
    found = await asking.one(request)
    return found, await asking.all(_of_case(found.order))


async def _jobs_and_steps(asking: Asking, order_id: str) -> Gathered:
    request = labjob.ListJobsRequest(order_id=order_id, page_size=MOST_ROWS)
    gathered = await asking.all({JOBS: ("labjob", request)})
    jobs = gathered.answers[JOBS].jobs if JOBS in gathered.answers else ()
    ids = [job.envelope.id for job in jobs]
    steps = {f"{JOBS} {one}": ("labjob", labjob.ListJobStepsRequest(job_id=one)) for one in ids}
    gathered.add(await asking.all(steps))
    return gathered


async def _together(*asked: Coroutine[Any, Any, Any]) -> list[Any]:
    """Await all of them at once; when one is refused the others are given up."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _of_order(order_id: str) -> dict[str, Asked]:
    """Return what can be asked with the order's id alone."""
    follow_ups = customer.ListFollowUpsRequest(order_id=order_id, page_size=MOST_ROWS)
    return {
        PROMISES: ("billing", billing.ListPromisesRequest(order_id=order_id)),
        MONEY: ("billing", billing.GetLedgerRequest(order_id=order_id)),
        FOLLOW_UPS: ("customer", follow_ups),
    }


def _of_case(order: Any) -> dict[str, Asked]:
    case_id, customer_id = order.envelope.case_id, order.envelope.customer_id
    messages = customer.ListMessagesRequest(
        customer_id=customer_id, order_id=order.envelope.id, page_size=MOST_ROWS
    )
    return {
        **records_of(case_id),
        **handovers_of(case_id),
        **reviews_of(case_id),
        **_lists_of(case_id, order),
        MESSAGES: ("customer", messages),
        HELD: ("inventory", inventory.ListCaseReservationsRequest(case_id=case_id)),
        DRAWN: ("inventory", inventory.ListCaseDrawsRequest(case_id=case_id)),
    }


def _lists_of(case_id: str, order: Any) -> dict[str, Asked]:
    """Return what every service is asked of the case besides: another list that all of them keep
    is one more row here, and one in `sections`."""
    elsewhere = (order.envelope.id, order.lens_specification_id)
    named = [one for one in elsewhere if one]
    lists: Mapping[str, Message] = {
        "changes": records.ListCaseChangesRequest(case_id=case_id, page_size=MOST_CHANGES),
        "refusals": records.ListCaseRefusalsRequest(case_id=case_id, holder_ids=named),
        "issues": records.ListCaseIssuesRequest(case_id=case_id),
    }
    return {
        f"{section} {service}": (service, request)
        for section, request in lists.items()
        for service in CASE_SERVICES
    }


def _outside(gathered: Gathered) -> dict[str, Asked]:
    """Return what to ask about records that the case relies on and that are not of the case (a
    product, a lot, a contact permission)."""
    return {
        f"pins {one}": (OWNERS[prefix_of(one)], records.ListChangesRequest(record_id=one))
        for one in sorted(_pinned_outside(gathered))[:MOST_PINNED]
    }


def _pinned_outside(gathered: Gathered) -> set[str]:
    found = [one for _, one in records_in(gathered)]
    of_case = {one.envelope.id for one in found}
    pinned = {pin.record_id for one in found for pin in one.pins if not pin.fixed}
    return {one for one in pinned - of_case if _is_known_to_be_outside(one, gathered)}


def _is_known_to_be_outside(record_id: str, gathered: Gathered) -> bool:
    """Tell whether the record's owner told its part of the case: what an owner that is away keeps
    is missing already."""
    owner = OWNERS.get(prefix_of(record_id), "")
    return owner not in CASE_SERVICES or f"records {owner}" in gathered.answers


def section_of(name: str) -> str:
    """Return the section that something asked by this name belongs to."""
    return name.partition(" ")[0]


def cut_short(told: Told) -> Iterable[tuple[str, str]]:
    """Yield section and service of every list that goes on beyond what was asked."""
    for name, answer in told.gathered.answers.items():
        if getattr(answer, "next_page_token", ""):
            owner = name.partition(" ")[2]
            yield section_of(name), owner if owner in CASE_SERVICES else _OWNER[name]


_OWNER = {FOLLOW_UPS: "customer", MESSAGES: "customer", JOBS: "labjob"}
