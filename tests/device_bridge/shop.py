"""A branch with instruments on pseudo terminals, and a bridge that reads them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from chain import Chain, Person
from chassis import settings
from chassis.ids import new_id
from chassis.objects import ObjectStore
from chassis.roles import Role
from chassis.rpc.peers import Peers
from chassis.rpc.server import Steps
from chassis.tokens import Verifier
from device_bridge.listening import Listening
from device_bridge.settings import Settings
from local_platform.instruments import Instrument as Player
from optichain.device_bridge.v1 import capture_pb2, instrument_pb2
from optichain.device_bridge.v1 import device_bridge_service_pb2 as pb
from optichain.organisation.v1 import branch_pb2
from optichain.organisation.v1 import organisation_service_pb2 as organisation

T = TypeVar("T")

PATIENCE_SECONDS = 20.0
STATION = "PRE-1"


def eventually(look: Callable[[], T | None], what: str) -> T:
    """Return what `look` finds as soon as it is truthy; fail after a while."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < ends, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.05)
    return found


class Shop:
    """One branch with its people, asked over gRPC."""

    def __init__(self, chain: Chain, code: str = "JA1") -> None:
        chain.serve("device_bridge")
        self.chain = chain
        self.office = chain.person(Role.HEAD_OFFICE)
        request = organisation.OpenBranchRequest(
            name="Jing'an",
            code=code,
            branch_kind=branch_pb2.BRANCH_KIND_SHOP,
            time_zone="Asia/Shanghai",
        )
        opened = chain.ask(request, organisation.OpenBranchResponse, as_=self.office)
        self.branch_id = opened.branch.envelope.id
        self.manager = self.person(Role.BRANCH_MANAGER)
        self.technician = self.person(Role.TECHNICIAN)

    def person(self, role: Role) -> Person:
        """Return somebody who is signed in here."""
        return self.chain.person(role, branch_id=self.branch_id)

    def register(self, model: str, port_url: str, **other: Any) -> instrument_pb2.Instrument:
        """Register an instrument in service at the station."""
        fields: dict[str, Any] = {
            "model": model,
            "serial_number": f"SN-{new_id('x')}",
            "branch_id": self.branch_id,
            "station_code": STATION,
            "port_url": port_url,
            "in_service": True,
            **other,
        }
        as_ = fields.pop("as_", self.manager)
        answer = self.chain.ask(
            pb.RegisterInstrumentRequest(**fields), pb.RegisterInstrumentResponse, as_=as_
        )
        return answer.instrument

    def instruments(self) -> list[instrument_pb2.Instrument]:
        """Return the branch's instruments with their lines."""
        answer = self.chain.ask(
            pb.ListInstrumentsRequest(), pb.ListInstrumentsResponse, as_=self.technician
        )
        return list(answer.instruments)

    def instrument(self, instrument_id: str) -> instrument_pb2.Instrument:
        """Return one of them."""
        return next(one for one in self.instruments() if one.envelope.id == instrument_id)

    def wait_waiting(self, instrument_id: str) -> instrument_pb2.Instrument:
        """Return an instrument whose prints wait, as soon as the bridge says why."""
        return eventually(
            lambda: next((one for one in self.instruments() if one.waiting_reason), None),
            f"{instrument_id} says why its prints wait",
        )

    def captures(self, state: str = "") -> list[capture_pb2.Capture]:
        """Return the branch's captures, newest first."""
        answer = self.chain.ask(
            pb.ListCapturesRequest(state=state), pb.ListCapturesResponse, as_=self.technician
        )
        return list(answer.captures)

    def wait_for_captures(self, state: str, count: int = 1) -> list[capture_pb2.Capture]:
        """Return the captures of a state as soon as there are that many."""
        return eventually(
            lambda: found if len(found := self.captures(state)) >= count else [],
            f"{count} captures {state}",
        )

    def wait_connected(self, instrument_id: str, since: datetime | None = None) -> None:
        """Return when the bridge hears an instrument: what it sent before is lost."""

        def is_connected() -> bool:
            shown = self.instrument(instrument_id)
            if shown.link != instrument_pb2.LINK_CONNECTED:
                return False
            return since is None or shown.link_changed_at.ToDatetime(tzinfo=UTC) >= since

        eventually(is_connected, "the line is connected")

    @contextmanager
    def playing(self, model: str, **other: Any) -> Iterator[tuple[Player, str]]:
        """An instrument of a model that is registered and heard: the player and its id."""
        with Player() as player:
            instrument_id = self.register(model, player.path, **other).envelope.id
            self.wait_connected(instrument_id)
            yield player, instrument_id
            self.let_go(instrument_id)

    def let_go(self, instrument_id: str) -> None:
        """Take an instrument out of service and return when nobody reads its line: the next
        terminal that is opened on this machine may have the same name."""
        instrument = self.instrument(instrument_id)
        if instrument.link != instrument_pb2.LINK_UNSPECIFIED:
            request = pb.TakeOutOfServiceRequest(
                instrument_id=instrument_id, revision=instrument.envelope.revision, reason="done"
            )
            self.chain.ask(request, pb.TakeOutOfServiceResponse, as_=self.technician)
            eventually(
                lambda: self.instrument(instrument_id).link == instrument_pb2.LINK_UNSPECIFIED,
                "the line is let go",
            )


def steps_of(chain: Chain, spool: Path) -> Steps:
    """Return what a bridge works with, its prints waiting in a folder of the test's own."""
    loaded = cast(Settings, settings.load("device_bridge"))
    loaded = loaded.model_copy(update={"spool_dir": str(spool)})
    peers = Peers(loaded, service="device_bridge", secret=loaded.secret.get_secret_value())
    objects = ObjectStore(loaded.s3_url.get_secret_value())
    objects.make_bucket()
    return Steps(chain.database("device_bridge"), peers, Verifier(peers.keys), objects, loaded)


@contextmanager
def bridge(chain: Chain, spool: Path) -> Iterator[Listening]:
    """A bridge that listens in this process until the end of the block."""
    steps = steps_of(chain, spool)
    listening = Listening(steps, reread_seconds=0.1)
    listening.start()
    try:
        yield listening
    finally:
        listening.stop()
        steps.peers.close()


@contextmanager
def bridge_process(spool: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A bridge in a process of its own, as the platform starts it, killed at the end of the block;
    its log is `bridge.log` beside the spool."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {"DEVICE_BRIDGE_LISTEN": f"127.0.0.1:{port}", "DEVICE_BRIDGE_SPOOL_DIR": str(spool)}
    command = [sys.executable, "-m", "chassis", "api", "device_bridge"]
    with spool.with_name("bridge.log").open("ab") as log:
        process = subprocess.Popen(command, env=os.environ | told, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
