"""Organisation, which tells, and listener, which hears, in real processes on real parts of their
own, which a test may stop, start and kill."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import kombu
import uuid_utils
from google.protobuf.message import Message
from sqlalchemy import Engine, create_engine, text

from chassis import amqp_queues
from chassis.actor import Actor, Scope
from chassis.db import Database
from chassis.facts import FactBook
from chassis.ids import new_id
from chassis.outbox import CONTENT_TYPE
from chassis.roles import Role
from local_platform.databases import create_databases
from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.processes import Plan, Process
from local_platform.safe import Safe
from optichain.organisation.v1 import events_pb2
from optichain.record.v1 import events_pb2 as record_events
from organisation import commands
from organisation.branch import BranchKind
from wire_tap import WireTap

LISTENING = str(Path(__file__).with_name("listening"))
HEARS = "listener.organisation.BranchOpened"
NOTES = "listener.organisation.RecordChanged"
DEAD = "listener.dead"
ADMINISTRATOR = Actor(
    id=new_id("stf"), role=Role.HEAD_OFFICE, branch_id=new_id("br"), scope=Scope.CHAIN
)


class MessagePlatform:
    """The running platform, and what a test asks of it."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.ports = Ports.free()
        self.tap = WireTap(self.ports["amqp"])
        self.platform = Platform(
            var=var, ports=self.ports, fast=True, only=("organisation",), plan=self._plan
        )
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Start parts, migration and processes."""
        self.platform.start()
        url = self.platform.environment["ORGANISATION_DATABASE_URL"]
        self.organisation = Database(url, facts=FactBook(events_pb2, record_events))
        # A connection of its own for every look: a database that was restarted is no matter.
        self.listener: Engine = create_engine(
            self.environment["LISTENER_DATABASE_URL"], pool_pre_ping=True
        )

    def stop(self) -> None:
        """Stop everything."""
        self.organisation.close()
        self.listener.dispose()
        self.platform.stop()
        self.tap.close()

    def _plan(self, names: Collection[str], ports: Ports, environment: Mapping[str, str]) -> Plan:
        admin, safe = self.platform.part_url("postgres"), Safe(self.var / "listener.json")
        urls = create_databases(admin, ["listener"], safe)["listener"]
        self.environment = {
            **environment,
            "PYTHONPATH": os.pathsep.join([LISTENING, environment.get("PYTHONPATH", "")]),
            "LISTENER_DATABASE_URL": urls.run_time,
            "LISTENER_MIGRATE_URL": urls.migrate,
            "LISTENER_SECRET": "heard",
            "OPTICHAIN_LONGEST_PAUSE_SECONDS": "0.1",
        }
        tapped = self.environment["OPTICHAIN_AMQP_URL"].replace(
            ports.address("amqp"), f"127.0.0.1:{self.tap.port}"
        )

        def chassis(name: str, role: Any, *words: str, **overrides: str) -> Process:
            argv = (sys.executable, "-m", "chassis", *words)
            told = self.environment | overrides
            return Process(name, role, argv, told, says_ready=role != "once")

        return Plan(
            chassis("migrate", "once", "migrate", "organisation", "listener"),
            (
                chassis("organisation-api", "api", "api", "organisation"),
                chassis("organisation-worker", "worker", "worker", "organisation"),
                chassis(
                    "listener-worker", "worker", "worker", "listener", OPTICHAIN_AMQP_URL=tapped
                ),
            ),
        )

    @property
    def amqp_url(self) -> str:
        """The broker, untapped."""
        return self.platform.part_url("rabbitmq")

    def process(self, name: str) -> Process:
        """Return a process of the plan, to start another like it."""
        return next(one for one in self.platform._plan.processes if one.name == name)

    def open_branch(self, name: str) -> str:
        """Open a branch, which organisation tells; return its id."""
        with self.organisation.work(ADMINISTRATOR) as work:
            branch = commands.open_branch(
                work,
                name=name,
                code=str(uuid_utils.uuid4())[:13],
                branch_kind=BranchKind.SHOP,
                time_zone="Asia/Shanghai",
            )
        return branch.id

    def heard(self, name: str) -> int:
        """Return how often the effect of a branch by that name stands."""
        return int(self.ask("SELECT count(*) FROM heard WHERE name = :name", name=name))

    def fail_for(self, name: str) -> None:
        """Let listener's handler fail for names with this in them; with empty text for none."""
        with self.listener.begin() as connection:
            connection.execute(text("UPDATE behaviour SET fails = :name"), {"name": name})

    def ask(self, question: str, **values: Any) -> Any:
        """Return the one value of a question to listener's database."""
        with self.listener.connect() as connection:
            return connection.execute(text(question), values).scalar()

    def outbox_waiting(self) -> int:
        """Return how many of organisation's events wait for the broker."""
        with self.organisation.snapshot() as connection:
            return int(connection.execute(text("SELECT count(*) FROM outbox")).scalar() or 0)

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Open a channel to the broker."""
        with kombu.Connection(self.amqp_url, connect_timeout=5) as broker:
            yield broker.channel()

    def length(self, queue: str) -> int:
        """Return how many messages of a queue nobody holds."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)

    def take(self, queue: str) -> list[Any]:
        """Take every message out of a queue."""
        taken = []
        with self.channel() as channel:
            while (message := channel.basic_get(queue, no_ack=True)) is not None:
                taken.append(message)
        return taken

    def post(
        self,
        queue: str,
        body: bytes | Message,
        *,
        event_id: str = "",
        content_type: str = CONTENT_TYPE,
        **headers: Any,
    ) -> str:
        """Put a message into a queue as the relay would; return its event id."""
        event_id = event_id or str(UUID(bytes=uuid_utils.uuid7().bytes))
        message_type = body.DESCRIPTOR.full_name if isinstance(body, Message) else ""
        told = {
            "event-id": event_id,
            "occurred-at": str(time.time()),
            "cloudEvents:type": message_type,
            "cloudEvents:id": event_id,
            **headers,
        }
        data = body.SerializeToString() if isinstance(body, Message) else body
        with self.channel() as channel:
            message = channel.prepare_message(
                data,
                content_type=content_type,
                content_encoding="binary",
                headers=told,
                properties={"delivery_mode": 2},
            )
            channel.basic_publish_confirm(message, exchange="", routing_key=queue, timeout=10)
        return event_id

    @contextmanager
    def overhearing(self, *events: str) -> Iterator[str]:
        """Bind a queue of the test's own to organisation's events, and yield its name."""
        with self.channel() as channel:
            name = f"overheard-{uuid_utils.uuid4()}"
            exchange = amqp_queues.exchange_of("organisation")
            for event in events:
                kombu.Queue(name, exchange, routing_key=event, durable=True)(channel).declare()
        yield name
        with self.channel() as channel:
            channel.queue_delete(name)


def eventually(is_so: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Wait until `is_so`, at most `seconds`; what cannot be asked yet is not so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if is_so():
                return True
        except Exception:  # a part that is just being restarted
            time.sleep(0.2)
        time.sleep(0.02)
    return False
