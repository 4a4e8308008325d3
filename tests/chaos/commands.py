"""What people do with one pair of glasses in a run: the words of a plan as requests of the API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from chaos import issues
from chaos.line import Attempt, Line
from chaos.plan import JOURNEY, Command
from local_platform.bench import orders
from local_platform.demo import dispensing, front, making
from local_platform.demo.desk import ApiRefused, Json
from local_platform.demo.loading import SampleChain
from local_platform.demo.shop import DemoFailed, Shop, measured
from local_platform.instruments import Eye
from optichain.record.v1 import record_service_pb2 as records

POWERS = (-225, -250)
"""Spheres of the right lens that the sample chain has on its shelf."""

_WAIT_SECONDS = 3.0
_STRAIGHT_SECONDS = 40.0
_ASKED_SECONDS = 0.6
_numbers = count(int(time.time()) % 100_000 * 100)


@dataclass
class Told:
    """One command as it went."""

    command: str
    answer: str
    at: float
    beat: int


@dataclass
class Case:
    """One customer's pair, and everybody who works on it."""

    shop: Shop
    attempts: list[Attempt] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    beat: int = -1
    on_opened: Callable[[str], None] = lambda case_id: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def on(cls, line: Line, chain: SampleChain) -> Case:
        """Return a case of the sample chain."""
        attempts: list[Attempt] = []

        def make_desk(*address: Any) -> Any:
            desk = line.desk(*address)
            desk.on_attempt = attempts.append
            return desk

        return cls(Shop("", {}, chain, lambda line: None, make_desk), attempts)

    @property
    def id(self) -> str:
        """The case id; empty before the visit is opened."""
        return self.shop.glasses.case_id

    def do(self, command: Command) -> str:
        """Do what a command says; returns `ok`, or the reason of the refusal."""
        began = time.time()
        try:
            answer = _COMMANDS[command.name](self, command.pick) or "ok"
        except ApiRefused as refused:
            answer = refused.reason or "REFUSED"
        except (DemoFailed, LookupError) as nothing:
            answer = f"not now: {nothing}"
        with self.lock:
            self.told.append(Told(command.name, answer, began, self.beat))
        return answer


def order(case: Case) -> None:
    """Take an order as far as its confirmation. Raises ApiRefused, DemoFailed."""
    shop = case.shop
    orders.arrive(shop, next(_numbers))
    case.on_opened(case.id)
    _examine(case, front.SUBJECTIVE)
    front.prescribe(shop)
    dispensing.choose_frame(shop)
    dispensing.quote(shop)
    dispensing.measure(shop)
    dispensing.approve(shop)
    _pay(shop, shop.glasses.total_minor // 2)


def go(case: Case, steps: int) -> None:
    """Take the straight way so many steps."""
    for name in JOURNEY[:steps]:
        answer = case.do(Command(name))
        if answer != "ok":
            raise DemoFailed(f"{name}: {answer}")


def answer_all(case: Case) -> None:
    """Let every open review of the case be answered by keeping what stands: one asks, another
    agrees."""
    for _ in range(4):
        waiting = [one for one in reviews(case) if one["envelope"]["state"] != "closed"]
        if not waiting:
            return
        for one in waiting:
            try:
                _decide(case, one, "keep", "optician.ja1")
                _decide(case, one, "keep", "manager.ja1")
            except ApiRefused:
                continue


def reviews(case: Case) -> list[Json]:
    """Return the reviews of the case, of order and jobs."""
    from gateway.into_json import json_of

    desk: Any = case.shop.desk("optician.ja1")
    request = records.ListCaseReviewsRequest(case_id=case.id)
    found = []
    for service in ("billing", "labjob"):
        answer = desk.records(service, request)
        found += [json_of(one) | {"service": service} for one in answer.reviews]
    return found


def order_state(case: Case) -> str:
    """Return the state of the order."""
    return str(_order(case)["order"]["envelope"]["state"])


# -- the straight way


def _release(case: Case, _pick: int) -> None:
    shop = case.shop
    job = dispensing.try_release(shop)["job"]
    shop.glasses.job_id = job["envelope"]["id"]
    shop.glasses.slip_number = job["slip_number"]


def _send_tray(case: Case, _pick: int) -> None:
    _wait(case, "the frame is reserved", lambda: dispensing._frame_is_reserved(case.shop))
    making.send_tray(case.shop)


def _draw(case: Case, _pick: int) -> None:
    case.shop.desk("edger.lab").do("labjob.DrawLenses", job_id=_job_id(case))


def _station(name: str) -> Callable[[Case, int], None]:
    def work(case: Case, _pick: int) -> None:
        edger, job_id = case.shop.desk("edger.lab"), _job_id(case)
        edger.do("labjob.StartStation", job_id=job_id, station=name, machine=f"M-{name}")
        edger.do("labjob.FinishStation", job_id=job_id, station=name)

    return work


def _finish_edging(case: Case, _pick: int) -> None:
    case.shop.desk("edger.lab").do("labjob.FinishStation", job_id=_job_id(case), station="edging")


def _ship(case: Case, _pick: int) -> None:
    case.shop.desk("clerk.lab").do("labjob.ShipJob", job_id=_job_id(case), tray_code=making.TRAY)


def _receive(case: Case, _pick: int) -> None:
    making.carry(case.shop)
    case.shop.desk("reception.ja1").do(
        "labjob.ReceiveJob",
        job_id=_job_id(case),
        slip_number=case.shop.glasses.slip_number,
        frame_product_id=case.shop.chain.frame_id,
        condition="as_sent",
    )


def _check(case: Case, _pick: int) -> None:
    case.shop.desk("optician.ja1").do(
        "labjob.CheckAtBranch", job_id=_job_id(case), as_ordered="passed", appearance="passed"
    )


def _mark_ready(case: Case, _pick: int) -> None:
    case.shop.desk("optician.ja1").do("labjob.MarkReady", job_id=_job_id(case))


def _fit(case: Case, _pick: int) -> None:
    case.shop.desk("optician.ja1").do(
        "labjob.RecordFittingCheck",
        job_id=_job_id(case),
        acuity={"notation": "decimal", "od": "1.0", "os": "1.0", "ou": "1.2"},
        passed=True,
    )


def _pay_rest(case: Case, _pick: int) -> None:
    balance = _order(case)["balance"]
    _pay(case.shop, balance["due"]["amount_minor"])


def _pay(shop: Shop, amount_minor: int) -> None:
    shop.desk("cashier.ja1").do(
        "billing.TakePayment",
        order_id=shop.glasses.order_id,
        amount={"amount_minor": amount_minor, "currency": "CNY"},
        means="cash",
    )


def _collect(case: Case, _pick: int) -> None:
    optician = case.shop.desk("optician.ja1")
    signature = optician.upload("labjob", "signature", "image/png", b"", "")
    optician.do(
        "labjob.CollectJob",
        job_id=_job_id(case),
        slip_number=case.shop.glasses.slip_number,
        collected_by="wearer",
        identity_proof="known_wearer",
        is_care_explained=True,
        is_warranty_told=True,
        signature_key=signature,
    )


# -- what changes meanwhile


def _amend(**changed: Callable[[int], Any]) -> Callable[[Case, int], None]:
    def amend(case: Case, pick: int) -> None:
        rx = _prescription(case)
        case.shop.desk("optometrist.ja1").do(
            "clinical.AmendPrescription",
            prescription_id=rx["envelope"]["id"],
            revision=rx["envelope"]["revision"],
            reason_code="RX_TRANSCRIPTION",
            reason="Read from the wrong line.",
            **{name: make(pick) for name, make in changed.items()},
        )

    return amend


def _axis(pick: int) -> Json:
    return {
        "sphere_centidioptres": -225,
        "cylinder_centidioptres": -75,
        "axis_degrees": 80 + pick % 20,
    }


def _sphere(pick: int) -> Json:
    return {
        "sphere_centidioptres": POWERS[pick % 2],
        "cylinder_centidioptres": -75,
        "axis_degrees": 85 + pick % 10,
    }


def _supersede(case: Case, pick: int) -> None:
    older = case.shop.glasses.prescription["envelope"]["id"]
    seen = (Eye(POWERS[pick % 2], -75, 80 + pick % 20, acuity_hundredths=100), front.SUBJECTIVE[1])
    with case.lock:
        _examine(case, seen)
        front.prescribe(case.shop, seen, supersedes_id=older)


def _revoke(case: Case, _pick: int) -> None:
    rx = _prescription(case)
    case.shop.desk("optometrist.ja1").do(
        "clinical.RevokePrescription",
        prescription_id=rx["envelope"]["id"],
        revision=rx["envelope"]["revision"],
        reason_code="RX_MISMATCH",
        reason="Belongs to somebody else.",
    )


def _requote(case: Case, _pick: int) -> None:
    dispensing.requote(case.shop, "She thinks about it again.")


def _void(case: Case, _pick: int) -> None:
    case.shop.desk("manager.ja1").do(
        "billing.VoidOrder",
        order_id=case.shop.glasses.order_id,
        revision=_order(case)["order"]["envelope"]["revision"],
        reason_code="CUSTOMER_CHANGE",
        reason="She went elsewhere.",
    )


def _pause(_case: Case, pick: int) -> None:
    """Come a moment later, so that a change meets what is under way at another place."""
    time.sleep(pick / 5_000)


# -- what people do about it


def _respecify(case: Case, _pick: int) -> None:
    shop = case.shop
    shop.glasses.prescription = _prescription(case)
    with case.lock:
        dispensing.specify_lens(shop)
    dispensing.reserve_lenses(shop)
    dispensing.requote(shop, "The powers changed.")
    dispensing.approve(shop)


def _revise(case: Case, _pick: int) -> None:
    optician, job_id = case.shop.desk("optician.ja1"), _job_id(case)
    job = optician.do("labjob.GetJob", job_id=job_id)["job"]
    optician.do(
        "labjob.ReviseJob",
        job_id=job_id,
        revision=job["envelope"]["revision"],
        reason="The powers changed.",
    )


def _decides(decision: str, login: str) -> Callable[[Case, int], str]:
    def decide(case: Case, pick: int) -> str:
        waiting = _wait(case, "somebody is asked", lambda: _waiting(case), _ASKED_SECONDS)
        able = [one for one in waiting if decision in one["allowed"]]
        if not able:
            return "nothing to decide"
        _decide(case, able[pick % len(able)], decision, login)
        return "ok"

    return decide


def _waiting(case: Case) -> list[Json]:
    return [one for one in reviews(case) if one["envelope"]["state"] != "closed"]


def _decide(case: Case, review: Json, decision: str, login: str) -> None:
    """Decide on the version that the review names, as somebody does who looked a while ago."""
    service, desk = review["service"], case.shop.desk(login)
    live = _review(desk, service, review["envelope"]["id"])
    desk.do(
        f"{service}.DecideReview",
        review_id=review["envelope"]["id"],
        revision=live.envelope.revision,
        decision=decision,
        judged_version=review["version"],
        reason="Looked at it with her.",
    )


def _review(desk: Any, service: str, review_id: str) -> Any:
    return desk.records(service, records.GetReviewRequest(review_id=review_id)).review


# -- looking


def _job_id(case: Case) -> str:
    if not case.shop.glasses.job_id:
        raise DemoFailed("no job was released")
    return case.shop.glasses.job_id


def _order(case: Case) -> Json:
    return case.shop.desk("optician.ja1").do(
        "billing.GetOrder", order_id=case.shop.glasses.order_id
    )


def _prescription(case: Case) -> Json:
    found: Json = case.shop.desk("optometrist.ja1").do(
        "clinical.GetPrescription",
        prescription_id=case.shop.glasses.prescription["envelope"]["id"],
    )["prescription"]
    return found


def _wait(case: Case, what: str, look: Callable[[], Any], seconds: float = _WAIT_SECONDS) -> Any:
    """Look again until something is so; what is not so by then is left. On the straight way, before
    the first beat, with more patience: events are held meanwhile."""
    ends = time.monotonic() + (seconds if case.beat >= 0 else _STRAIGHT_SECONDS)
    while True:
        seen = look()
        if seen or time.monotonic() > ends:
            return seen
        time.sleep(0.05)


def _examine(case: Case, seen: tuple[Eye, Eye]) -> None:
    shop = case.shop
    optometrist = shop.desk("optometrist.ja1")
    found = {
        name: {
            "sphere_centidioptres": measured(eye.sphere_centidioptres),
            "cylinder_centidioptres": measured(eye.cylinder_centidioptres),
            "axis_degrees": measured(eye.axis_degrees),
        }
        for name, eye in zip(("od", "os"), seen, strict=True)
    }
    recorded = optometrist.do(
        "clinical.RecordRefraction",
        visit_id=shop.glasses.visit_id,
        subjective=found,
        visual_acuities=front.acuities(),
        history="None.",
    )["refraction"]
    signed = optometrist.do(
        "clinical.SignRefraction",
        refraction_id=recorded["envelope"]["id"],
        revision=recorded["envelope"]["revision"],
    )["refraction"]
    shop.glasses.refraction_id = signed["envelope"]["id"]


_COMMANDS: dict[str, Callable[[Case, int], str | None]] = {
    "release": _release,
    "send_tray": _send_tray,
    "accept": lambda case, _pick: making.accept(case.shop),
    "draw": _draw,
    "tracing": _station("tracing"),
    "picking": _station("picking"),
    "blocking": _station("blocking"),
    "edging": lambda case, _pick: making.start_edging(case.shop),
    "finish_edging": _finish_edging,
    "assembly": _station("assembly"),
    "inspect": lambda case, _pick: making.inspect(case.shop),
    "ship": _ship,
    "receive": _receive,
    "check": _check,
    "mark_ready": _mark_ready,
    "fit": _fit,
    "pay_rest": _pay_rest,
    "collect": _collect,
    "amend_axis": _amend(od=_axis),
    "amend_sphere": _amend(od=_sphere),
    "amend_note": _amend(notes=lambda pick: f"Drives at night, {pick}."),
    "supersede": _supersede,
    "revoke": _revoke,
    "requote": _requote,
    "void": _void,
    "pause": _pause,
    "respecify": _respecify,
    "revise": _revise,
    "keep": _decides("keep", "optician.ja1"),
    "agree": _decides("keep", "manager.ja1"),
    "adopt": _decides("adopt", "optician.ja1"),
    "rework": _decides("rework", "optician.ja1"),
    "cancel": _decides("cancel", "optician.ja1"),
    "open_issue": issues.open_issue,
    "close_issue": issues.close_issue,
}
"""Every word of a plan."""
