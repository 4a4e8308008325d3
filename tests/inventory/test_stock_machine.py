"""Stock in random hands: whatever is set aside, reserved, moved and given back, every piece and
every lens is somewhere, once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from chassis.ids import new_id
from chassis.roles import Role
from machines import Table, outcome, play, require_by_table
from optichain.inventory.v1 import inventory_service_pb2 as pb

FRAMES, LENSES = 4, 5
HELD: Table = {"extend": {"set_aside": "set_aside"}, "release": {"set_aside": "released"}}
RESERVED: Table = {
    "release": {"reserved": "released"},
    "draw": {"reserved": "drawn"},
}
MOVED: Table = {
    "send": {"requested": "sent"},
    "receive": {"sent": "received"},
    "cancel": {"requested": "cancelled"},
}
PICK = st.integers(min_value=0, max_value=7)


class Stock(RuleBasedStateMachine):
    """Frames at two shops, lenses at the lab, and what people do with them."""

    def __init__(self, room: Any) -> None:
        super().__init__()
        self.room = type(room)(room.chain)
        self.states: dict[str, str] = {}
        self.asides: list[str] = []
        self.reservations: list[str] = []
        self.transfers: list[str] = []
        self.drawn = 0

    @initialize()
    def stock_up(self) -> None:
        """Bring frames to both shops and lenses to the lab."""
        sku = new_id("sku")[-8:]
        self.frame = self.room.add_frame(sku=f"F-{sku}")
        self.lens = self.room.add_lens(sku=f"L-{sku}")
        self.room.stock_frames(self.frame, FRAMES // 2)
        self.room.stock_frames(self.frame, FRAMES // 2, self.room.other_shop_id)
        self.lot = self.room.stock_lenses(self.lens, LENSES)

    @rule()
    def set_aside(self) -> None:
        free = self.room.free(self.frame).get(self.room.shop_id, 0)
        made, refused = outcome(lambda: self.room.set_aside(self.frame))
        assert bool(refused) == (free == 0), refused
        if made:
            self.asides.append(made)
            self.states[made] = "set_aside"

    @rule(pick=PICK, verb=st.sampled_from(sorted(HELD)))
    def settle_aside(self, pick: int, verb: str) -> None:
        if not self.asides:
            return
        one = self.asides[pick % len(self.asides)]
        request: Any = (
            pb.ReleaseSetAsideRequest(set_aside_id=one, reason="not wanted")
            if verb == "release"
            else pb.ExtendSetAsideRequest(set_aside_id=one, reason="asks")
        )
        answer = pb.ReleaseSetAsideResponse if verb == "release" else pb.ExtendSetAsideResponse
        _, refused = outcome(lambda: self.room.ask(Role.OPTICIAN, request, answer))
        get = pb.GetSetAsideRequest(set_aside_id=one)
        seen = self.room.ask(Role.OPTICIAN, get, pb.GetSetAsideResponse).set_aside
        lawful = {"SET_ASIDE_LIMIT"}
        self._moved(HELD, verb, one, seen.envelope.state, refused, lawful)

    @rule(quantity=st.integers(min_value=1, max_value=3), eye=st.sampled_from([1, 2]))
    def reserve(self, quantity: int, eye: int) -> None:
        free = self.room.free(self.lens).get(self.room.lab_id, 0)
        made, refused = outcome(
            lambda: self.room.reserve(self.lens, eye=eye, quantity=quantity, case_id=new_id("case"))
        )
        assert bool(refused) == (free < quantity), refused
        if made:
            self.reservations.append(made)
            self.states[made] = "reserved"

    @rule(pick=PICK, verb=st.sampled_from(sorted(RESERVED)))
    def settle_reservation(self, pick: int, verb: str) -> None:
        if not self.reservations:
            return
        one = self.reservations[pick % len(self.reservations)]
        before = self._reservation(one)
        if verb == "draw":
            request = pb.DrawToJobRequest(
                reservation_id=one, job_id=new_id("job"), case_id=before.envelope.case_id
            )
            _, refused = outcome(
                lambda: self.room.ask(
                    Role.LAB_TECHNICIAN, request, pb.DrawToJobResponse, self.room.lab_id
                )
            )
            self.drawn += 0 if refused else before.quantity
        else:
            give_back = pb.ReleaseReservationRequest(reservation_id=one, reason="not wanted")
            _, refused = outcome(
                lambda: self.room.ask(Role.OPTICIAN, give_back, pb.ReleaseReservationResponse)
            )
        after = self._reservation(one).envelope.state
        self._moved(RESERVED, verb, one, after, refused, set())

    @rule()
    def ask_for_a_frame(self) -> None:
        there = self.room.other_shop_id
        free = self.room.free(self.frame).get(there, 0)
        request = pb.RequestTransferRequest(product_id=self.frame, from_branch_id=there)
        made, refused = outcome(
            lambda: self.room.ask(Role.OPTICIAN, request, pb.RequestTransferResponse)
        )
        assert bool(refused) == (free == 0), refused
        if made:
            self.transfers.append(made.transfer.envelope.id)
            self.states[made.transfer.envelope.id] = "requested"

    @rule(pick=PICK, verb=st.sampled_from(sorted(MOVED)))
    def move_on(self, pick: int, verb: str) -> None:
        if not self.transfers:
            return
        one = self.transfers[pick % len(self.transfers)]
        ask = {
            "send": lambda: self.room.ask(
                Role.FRAME_CONTROLLER,
                pb.SendTransferRequest(transfer_id=one, carrier="van 3"),
                pb.SendTransferResponse,
                self.room.other_shop_id,
            ),
            "receive": lambda: self.room.ask(
                Role.RECEIVER,
                pb.ReceiveTransferRequest(transfer_id=one),
                pb.ReceiveTransferResponse,
            ),
            "cancel": lambda: self.room.ask(
                Role.OPTICIAN,
                pb.CancelTransferRequest(transfer_id=one, reason="not wanted"),
                pb.CancelTransferResponse,
            ),
        }[verb]
        _, refused = outcome(ask)
        get = pb.GetTransferRequest(transfer_id=one)
        seen = self.room.ask(Role.OPTICIAN, get, pb.GetTransferResponse).transfer
        self._moved(MOVED, verb, one, seen.envelope.state, refused, set())

    @invariant()
    def every_piece_is_somewhere_once(self) -> None:
        if not hasattr(self, "lot"):
            return
        request = pb.ListPiecesRequest(product_id=self.frame)
        pieces = self.room.ask(Role.OPTICIAN, request, pb.ListPiecesResponse).pieces
        assert len({one.id for one in pieces}) == len(pieces) == FRAMES
        states = Counter(self.states[one] for one in (*self.asides, *self.transfers))
        held = states["set_aside"] + states["requested"] + states["sent"]
        assert sum(self.room.free(self.frame).values()) == FRAMES - held
        assert sum(one.is_in_transit for one in pieces) == states["sent"]

    @invariant()
    def every_lens_is_somewhere_once(self) -> None:
        if not hasattr(self, "lot"):
            return
        reserved = sum(
            self._reservation(one).quantity
            for one in self.reservations
            if self.states[one] == "reserved"
        )
        free = self.room.free(self.lens).get(self.room.lab_id, 0)
        assert free + reserved + self.drawn == LENSES
        with self.room.chain.database("inventory").snapshot() as connection:
            wrong = connection.execute(
                text(
                    "SELECT s.id FROM shelf s LEFT JOIN movement m ON m.lot_id = s.lot_id"
                    " AND m.branch_id = s.branch_id WHERE m.piece_id IS NULL"
                    " GROUP BY s.id, s.on_hand HAVING s.on_hand <> coalesce(sum(m.quantity), 0)"
                )
            ).all()
        assert wrong == []

    def _reservation(self, one: str) -> Any:
        request = pb.GetReservationRequest(reservation_id=one)
        return self.room.ask(Role.OPTICIAN, request, pb.GetReservationResponse).reservation

    def _moved(
        self, table: Table, verb: str, one: str, after: str, refused: str, lawful: set[str]
    ) -> None:
        require_by_table(table, verb, self.states[one], after, refused, lawful)
        self.states[one] = after


def test_stock_conserves_in_whatever_order_people_hold_move_and_give_back(stockroom: Any) -> None:
    play(lambda: Stock(stockroom))
