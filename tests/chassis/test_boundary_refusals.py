"""A refusal arrives with its reason, however much there is to refuse: what a call ends with has
only so much room, and of a refusal that does not fit nothing arrives at all."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from chain import Chain
from chassis import clock
from chassis.errors import DomainError, FieldProblem, Invalid, Refused
from chassis.ids import new_id
from chassis.records.changes import Change, ChangeKind
from chassis.records.pins import Pin, StalePin, StalePins
from chassis.rpc import Api, Call
from small_contract import ANYBODY, SERVICE, Caller, contract, served


def heard(chain: Chain, refusal: DomainError) -> DomainError:
    """Return the refusal as who called hears it."""
    api = Api(contract(PublishPrices=ANYBODY), SERVICE)

    @api.asks("PublishPrices")
    def publish_prices(_call: Call, _request: Message) -> Message:
        raise refusal

    with (
        served(api, chain) as address,
        Caller(address, api.descriptor) as caller,
        pytest.raises(DomainError) as refused,
    ):
        caller.call("PublishPrices")
    assert refused.value.code == refusal.code
    return refused.value


def wrong(lines: int) -> list[FieldProblem]:
    return [
        FieldProblem(f"prices[{line}].amount", "min", "必须大于零 (0 is below 1)")
        for line in range(lines)
    ]


def test_of_a_few_wrong_lines_every_one_is_named(chain: Chain) -> None:
    told = heard(chain, Invalid(wrong(20)))
    assert isinstance(told, Invalid)
    assert list(told.problems) == wrong(20)
    assert told.details == {}


@pytest.mark.parametrize("lines", [150, 500, 20_000])
def test_of_very_many_wrong_lines_the_first_are_named_and_the_rest_counted(
    chain: Chain, lines: int
) -> None:
    told = heard(chain, Invalid(wrong(lines)))
    assert isinstance(told, Invalid)
    named = len(told.problems)
    assert named >= 20
    assert list(told.problems) == wrong(named)
    assert told.details == {"left_out": str(lines - named)}


def stale() -> StalePin:
    pin = Pin(
        record_id=new_id("rx"), kind="clinical.prescription", relied_version=1, settled_version=1
    )
    change = Change(
        what=ChangeKind.AMENDED,
        version=2,
        revision=2,
        reason_code="RX_CHANGE",
        reason="the axis was read from the wrong line of the print",
        changed_at=clock.now(),
        changed_by=new_id("stf"),
    )
    return StalePin(pin=pin, live_version=2, change=change)


def test_of_very_many_stale_pins_the_first_are_told_and_the_rest_counted(chain: Chain) -> None:
    refusal = StalePins([stale() for _ in range(200)])
    told = heard(chain, refusal)
    assert isinstance(told, StalePins)
    named = len(told.stale)
    assert [one.pin.record_id for one in told.stale] == [
        one.pin.record_id for one in refusal.stale[:named]
    ]
    assert named >= 5
    assert told.details == {"left_out": str(200 - named)}


def test_of_very_much_that_is_missing_the_first_is_told(chain: Chain) -> None:
    missing = [f"第{number}项未完成" for number in range(1_000)]
    told = heard(chain, Refused("还有事情没有完成" * 200, missing=missing))
    assert isinstance(told, Refused)
    named = len(told.missing)
    assert named >= 20
    assert list(told.missing) == missing[:named]
    assert told.details == {"left_out": str(1_000 - named)}
