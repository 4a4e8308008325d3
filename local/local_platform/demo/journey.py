"""Journey 1: one pair of spectacles through all services, every step by the person of that role."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from local_platform.demo import dispensing, front, handing_over, making, upsets
from local_platform.demo.shop import FAILURES, Shop


@dataclass(frozen=True)
class Step:
    """One row of the journey's table."""

    n: int | str
    role: str
    what: str
    take: Callable[[Shop], None]


STEPS = (
    Step(
        1,
        "reception",
        "finds her by phone, checks contact and permission, opens the visit",
        front.arrive,
    ),
    Step(2, "technician", "reads the old glasses and the eyes", front.read_old_glasses_and_eyes),
    Step(3, "optometrist", "examines with the phoropter and signs the refraction", front.examine),
    Step(4, "optometrist", "signs the prescription", front.prescribe),
    Step(5, "optician", "needs, frame tried, chosen and set aside", dispensing.choose_frame),
    Step(6, "optician", "specifies and reserves the lenses, quotes", dispensing.quote),
    Step(7, "optician", "adjusts the frame, then measures on it", dispensing.measure),
    Step(8, "optician", "reads back; she approves and signs", dispensing.approve),
    Step(9, "cashier", "takes the deposit by card", dispensing.pay_deposit),
    Step(
        "9b",
        "optometrist",
        "a second test; release on the old one is refused, then mended",
        upsets.release_on_a_superseded_prescription,
    ),
    Step(10, "optician", "releases the job and prints the ticket", dispensing.release),
    Step("10a", "courier", "carries the tray to the lab", making.send_tray),
    Step(11, "lab_clerk", "accepts with an estimate", making.accept),
    Step("11b", "lab_technician", "draws the lenses and prepares them", making.draw_and_prepare),
    Step(
        "11c",
        "lab_technician",
        "an axis is corrected; edging on the old one is refused, then mended",
        upsets.edge_on_an_amended_axis,
    ),
    Step(12, "lab_technician", "edges and assembles", making.make),
    Step(13, "qc_inspector", "measures the finished pair", making.inspect),
    Step(14, "reception", "receives what the courier brings", handing_over.ship_back),
    Step(15, "optician", "checks, marks ready, tells her", handing_over.make_ready),
    Step(16, "optician", "fitting check, balance, collection", handing_over.collect),
    Step(17, "optician", "follow-up and recheck; the order is closed", handing_over.follow_up),
)


def prepare(shop: Shop) -> None:
    """What happened before she came: the import of the night, the instruments on their lines."""
    shop.say("     the night before: old customers are imported")
    front.import_old_customers(shop)
    front.install_instruments(shop)


def walk(shop: Shop, before: Callable[[Step], None] = lambda step: None) -> None:
    """Take every step in turn, each after `before`; however it ends, the instruments go home."""
    try:
        prepare(shop)
        for step in STEPS:
            before(step)
            with shop.step(step.n, step.role, step.what):
                step.take(shop)
        front.require_readings_once(shop)
    except BaseException:
        with suppress(*FAILURES):  # the first failure is the one to tell
            front.take_instruments_away(shop)
        raise
    front.take_instruments_away(shop)
