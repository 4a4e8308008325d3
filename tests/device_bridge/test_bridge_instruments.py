"""Which instrument stands where: who may say so, and what there may be only one of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from chain import Chain
from chassis.errors import AlreadyThere, DomainError, Invalid, NotPermitted, Outdated, Refused
from chassis.errors import Unknown as UnknownRecord
from chassis.ids import new_id
from chassis.roles import Role
from optichain.device_bridge.v1 import device_bridge_service_pb2 as pb
from optichain.device_bridge.v1 import instrument_pb2
from shop import Shop


@pytest.fixture
def shop(chain: Chain) -> Shop:
    return Shop(chain)


def take_out(
    shop: Shop, one: instrument_pb2.Instrument, **other: object
) -> instrument_pb2.Instrument:
    request = pb.TakeOutOfServiceRequest(
        instrument_id=one.envelope.id, revision=one.envelope.revision, reason="mirror is loose"
    )
    as_ = other.get("as_", shop.technician)
    answer = shop.chain.ask(request, pb.TakeOutOfServiceResponse, as_=as_)  # type: ignore[arg-type]  # a Person
    return answer.instrument


def give_back(shop: Shop, one: instrument_pb2.Instrument) -> instrument_pb2.Instrument:
    request = pb.ReturnToServiceRequest(
        instrument_id=one.envelope.id, revision=one.envelope.revision, reason="repaired"
    )
    return shop.chain.ask(request, pb.ReturnToServiceResponse, as_=shop.manager).instrument


def test_a_branch_manager_registers_an_instrument_with_the_clock_of_the_branch(shop: Shop) -> None:
    registered = shop.register("ARK-1a", "/dev/ttyUSB0", serial_number="330123")

    assert registered.envelope.state == "in_service"
    assert registered.envelope.branch_id == shop.branch_id
    assert registered.time_zone == "Asia/Shanghai"
    (listed,) = shop.instruments()
    assert (listed.model, listed.serial_number) == ("ARK-1a", "330123")
    assert listed.link == instrument_pb2.LINK_UNSPECIFIED


@pytest.mark.parametrize(
    "port_url",
    ["spy:///dev/ttyS0?file=/tmp/x", "hwgrep://.", "/etc/passwd", "/dev/../etc/passwd", "COM3"],
)
def test_a_line_that_is_no_serial_line_is_refused(shop: Shop, port_url: str) -> None:
    with pytest.raises(Invalid) as refused:
        shop.register("ARK-1a", port_url)

    assert [(p.field, p.rule) for p in refused.value.problems] == [("port_url", "line")]
    assert not shop.instruments()


@pytest.mark.parametrize("port_url", ["socket://10.0.8.15:4001", "rfc2217://serial-box:2217"])
def test_a_line_behind_a_network_box_is_taken(shop: Shop, port_url: str) -> None:
    assert shop.register("LM-1000P", port_url).port_url == port_url


def test_line_settings_are_one_of_those_the_model_has_and_stay_until_they_are_corrected(
    shop: Shop,
) -> None:
    even = instrument_pb2.LineSettings(
        baud=2400, data_bits=7, parity=instrument_pb2.PARITY_EVEN, stop_bits=2
    )
    odd = instrument_pb2.LineSettings(
        baud=9600, data_bits=8, parity=instrument_pb2.PARITY_ODD, stop_bits=1
    )
    with pytest.raises(Invalid) as refused:
        shop.register("RT-2100", "/dev/ttyUSB0", line_settings=odd)
    assert refused.value.code == "LINE_SETTINGS_UNKNOWN"
    assert "2400 7-E-2" in refused.value.text
    assert not shop.register("RT-5100", "/dev/ttyUSB0").HasField("line_settings")

    registered = shop.register("RT-3100", "/dev/ttyUSB1", line_settings=odd)
    assert registered.line_settings == odd

    def amend(one: instrument_pb2.Instrument, **corrected: object) -> instrument_pb2.Instrument:
        request = pb.AmendInstrumentRequest(
            instrument_id=one.envelope.id,
            revision=one.envelope.revision,
            port_url=one.port_url,
            reason="as found",
            **{"station_code": one.station_code, **corrected},  # type: ignore[arg-type]  # its fields
        )
        return shop.chain.ask(request, pb.AmendInstrumentResponse, as_=shop.manager).instrument

    moved = amend(registered, station_code="PRE-2")
    assert moved.line_settings == odd
    corrected = amend(moved, line_settings=even)
    assert (corrected.line_settings, corrected.envelope.version) == (even, 3)
    half = instrument_pb2.LineSettings(baud=9600)
    with pytest.raises(Invalid):
        amend(corrected, line_settings=half)


def test_a_model_without_a_profile_is_refused(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        shop.register("HRK-9000", "/dev/ttyUSB0")
    assert refused.value.code == "MODEL_UNKNOWN"


def test_an_instrument_cannot_stand_at_a_branch_that_does_not_exist(shop: Shop) -> None:
    with pytest.raises(UnknownRecord):
        shop.register("ARK-1a", "/dev/ttyUSB0", branch_id=new_id("br"), as_=shop.office)


def test_an_id_of_another_kind_is_no_branch(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        shop.register("ARK-1a", "/dev/ttyUSB0", branch_id=new_id("cus"))
    assert refused.value.code == "ID_OF_WRONG_KIND"


def test_a_manager_registers_at_the_own_branch_only_and_head_office_everywhere(
    shop: Shop,
) -> None:
    stranger = shop.chain.person(Role.BRANCH_MANAGER)
    with pytest.raises(NotPermitted) as refused:
        shop.register("ARK-1a", "/dev/ttyUSB0", as_=stranger)
    assert refused.value.code == "WRONG_BRANCH"
    assert shop.register("ARK-1a", "/dev/ttyUSB0", as_=shop.office).envelope.id


def test_a_technician_takes_an_instrument_out_of_service_but_registers_none(shop: Shop) -> None:
    with pytest.raises(NotPermitted) as refused:
        shop.register("ARK-1a", "/dev/ttyUSB0", as_=shop.technician)
    assert refused.value.code == "ROLE_NOT_PERMITTED"
    one = shop.register("ARK-1a", "/dev/ttyUSB0")
    stranger = shop.chain.person(Role.TECHNICIAN)
    with pytest.raises(NotPermitted) as elsewhere:
        take_out(shop, one, as_=stranger)
    assert elsewhere.value.code == "WRONG_BRANCH"

    out = take_out(shop, one)
    assert out.envelope.state == "out_of_service"
    with pytest.raises(Refused) as twice:
        take_out(shop, out)
    assert twice.value.code == "MOVE_FORBIDDEN"
    with pytest.raises(Outdated):
        take_out(shop, one)


def test_one_line_has_one_instrument_in_service_at_a_time(shop: Shop) -> None:
    old = shop.register("LM-1000P", "/dev/ttyUSB0")
    with pytest.raises(AlreadyThere) as taken:
        shop.register("LM-1000P", "/dev/ttyUSB0")
    assert taken.value.code == "PORT_TAKEN"

    out = take_out(shop, old)
    shop.register("LM-1000P", "/dev/ttyUSB0")
    with pytest.raises(AlreadyThere) as returned:
        give_back(shop, out)
    assert returned.value.code == "PORT_TAKEN"

    request = pb.AmendInstrumentRequest(
        instrument_id=out.envelope.id,
        revision=out.envelope.revision,
        station_code="PRE-2",
        port_url="/dev/ttyUSB1",
        reason="moved to the second room",
    )
    moved = shop.chain.ask(request, pb.AmendInstrumentResponse, as_=shop.manager).instrument
    assert moved.envelope.version == 2
    assert give_back(shop, moved).envelope.state == "in_service"


def test_of_two_who_register_the_same_instrument_at_once_one_is_told_so(shop: Shop) -> None:
    def register(port_url: str) -> str:
        try:
            return shop.register("ARK-1a", port_url, serial_number="330123").envelope.state
        except DomainError as refused:
            return refused.code

    with ThreadPoolExecutor(4) as hands:
        answers = list(hands.map(register, [f"/dev/ttyUSB{n}" for n in range(4)]))
    assert sorted(answers) == ["SERIAL_TAKEN", "SERIAL_TAKEN", "SERIAL_TAKEN", "in_service"]


def test_of_two_instruments_put_on_one_line_at_once_one_is_read(shop: Shop) -> None:
    def register(_turn: int) -> str:
        try:
            return shop.register("ARK-1a", "/dev/ttyUSB0").envelope.state
        except DomainError as refused:
            return refused.code

    with ThreadPoolExecutor(4) as hands:
        answers = sorted(hands.map(register, range(4)))
    assert answers == ["PORT_TAKEN", "PORT_TAKEN", "PORT_TAKEN", "in_service"]


def test_a_registration_repeated_under_its_id_answers_the_same(shop: Shop) -> None:
    one = shop.register("ARK-1a", "/dev/ttyUSB0", serial_number="330123", request_id="r1")
    again = shop.register("ARK-1a", "/dev/ttyUSB0", serial_number="330123", request_id="r1")
    assert again == one


def test_instruments_are_listed_by_page_in_the_order_they_were_registered(shop: Shop) -> None:
    made = [shop.register("ARK-1a", f"/dev/ttyUSB{n}").envelope.id for n in range(3)]
    seen: list[str] = []
    token = ""
    while True:
        request = pb.ListInstrumentsRequest(page_size=2, page_token=token)
        page = shop.chain.ask(request, pb.ListInstrumentsResponse, as_=shop.technician)
        seen += [one.envelope.id for one in page.instruments]
        token = page.next_page_token
        if not token:
            break
    assert seen == made
