"""A person, their contact and their follow-ups in random hands: an answer holds from when it is
given, and a follow-up ends once."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis import actor
from chassis.ids import new_id
from chassis.roles import Role
from customer.worker import CustomerWorker
from machines import Table, outcome, play, require_by_table
from optichain.billing.v1 import events_pb2 as billing_events
from optichain.customer.v1 import contact_pb2, follow_up_pb2
from optichain.customer.v1 import customer_service_pb2 as pb

FOLLOW_UP: Table = {"make": {"planned": "done"}, "waive": {"planned": "waived"}}
SMS = contact_pb2.CHANNEL_SMS
PICK = st.integers(min_value=0, max_value=5)


class People(RuleBasedStateMachine):
    """One customer, whom orders are collected for."""

    def __init__(self, counter: Any) -> None:
        super().__init__()
        self.counter = counter
        self.optician = counter.chain.person(Role.OPTICIAN, branch_id=counter.reception.branch_id)
        self.permitted = self.wanted = False
        self.name, self.revision = "王芳", 0
        self.states: dict[str, str] = {}

    @initialize()
    def register(self) -> None:
        self.customer_id = self.counter.id_of(self.name)
        self.revision = self._person().envelope.revision

    @rule(number=st.integers(min_value=1, max_value=9))
    def correct_the_name(self, number: int) -> None:
        name = f"王芳{number}"
        _, refused = outcome(lambda: self.counter.amend(self.customer_id, name=name))
        assert bool(refused) == (name == self.name), refused
        self.name = name

    @rule(permitted=st.booleans(), wanted=st.booleans())
    def answer(self, permitted: bool, wanted: bool) -> None:
        channels = (SMS,) if permitted else ()
        purpose = contact_pb2.PURPOSE_ORDER_SERVICE
        said = {"follow_up_wanted": wanted} if permitted else {}
        self.counter.answer(self.customer_id, purpose, *channels, **said)
        self.permitted, self.wanted = permitted, permitted and wanted

    @rule(is_heard_twice=st.booleans())
    def collect(self, is_heard_twice: bool) -> None:
        event = billing_events.OrderCollected(
            order_id=new_id("ord"),
            case_id=new_id("case"),
            customer_id=self.customer_id,
            branch_id=self.counter.reception.branch_id,
        )
        event.collected_at.GetCurrentTime()
        for _ in range(1 + is_heard_twice):
            with self.counter.chain.work("customer", actor.system("customer")) as work:
                CustomerWorker().follow_up(work, event)
        (found,) = self._follow_ups(event.order_id)
        expected = "planned" if self.permitted and self.wanted else "waived"
        assert found.envelope.state == expected
        self.states[event.order_id] = expected

    @rule(pick=PICK, verb=st.sampled_from(sorted(FOLLOW_UP)))
    def end_a_follow_up(self, pick: int, verb: str) -> None:
        if not self.states:
            return
        order_id = sorted(self.states)[pick % len(self.states)]
        (one,) = self._follow_ups(order_id)
        names = {"follow_up_id": one.envelope.id, "revision": one.envelope.revision}
        if verb == "make":
            request: Any = pb.RecordFollowUpRequest(
                **names,
                finding=follow_up_pb2.FOLLOW_UP_FINDING_CONTENT,
                channel=SMS,
                said="sees well",
            )
            response: Any = pb.RecordFollowUpResponse
        else:
            reason = follow_up_pb2.WAIVER_REASON_NOT_WANTED
            request = pb.WaiveFollowUpRequest(**names, waiver_reason=reason)
            response = pb.WaiveFollowUpResponse
        ask = self.counter.chain.ask
        _, refused = outcome(lambda: ask(request, response, as_=self.optician))
        (after,) = self._follow_ups(order_id)
        lawful = set() if self.permitted or verb == "waive" else {"CHANNEL_NOT_PERMITTED"}
        state = after.envelope.state
        require_by_table(FOLLOW_UP, verb, self.states[order_id], state, refused, lawful)
        assert verb == "waive" or refused or self.permitted
        self.states[order_id] = state

    @invariant()
    def the_person_is_as_last_corrected(self) -> None:
        if not hasattr(self, "customer_id"):
            return
        seen = self._person()
        assert seen.name == self.name
        assert seen.envelope.revision >= self.revision
        self.revision = seen.envelope.revision

    def _person(self) -> Any:
        return self.counter.person(self.customer_id).person

    def _follow_ups(self, order_id: str) -> list[Any]:
        request = pb.ListFollowUpsRequest(order_id=order_id)
        ask = self.counter.chain.ask
        return list(ask(request, pb.ListFollowUpsResponse, as_=self.optician).follow_ups)


def test_an_answer_holds_from_when_it_is_given_and_a_follow_up_ends_once(counter: Any) -> None:
    play(lambda: People(counter))
