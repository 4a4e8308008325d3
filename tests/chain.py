"""A chain for tests: services served in this process over real gRPC, databases migrated for real.

    chain.serve("clinical", "customer")                   # organisation always comes along
    optometrist = chain.person(Role.OPTOMETRIST, branch)   # a token as organisation would sign it
    answer = chain.ask(SignPrescriptionRequest(...), SignPrescriptionResponse, as_=optometrist)

A test of commands needs no server: `with chain.work("clinical", optometrist.actor) as work: ...`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy import Engine, create_engine

from chassis import boot, clock, migrate, settings
from chassis.actor import Actor, Scope, system
from chassis.db import Database, UnitOfWork
from chassis.ids import new_id
from chassis.objects import ObjectStore
from chassis.records import known_versions, reviewing
from chassis.records.changes import ChangeKind
from chassis.records.facts import RecordChanged
from chassis.roles import Role
from chassis.rpc.peers import Peers, rpc_of
from chassis.rpc.server import Steps, make_server
from chassis.rpc.shared import SHARED_APIS
from chassis.rpc.status import from_status
from chassis.tokens import Verifier

R = TypeVar("R", bound=Message)

# A TRUNCATE makes new files for each table it names, so it names only those with rows.
_EMPTY = """
DO $$
DECLARE
    name text;
    has_rows boolean;
    filled text[] := '{}';
BEGIN
    FOR name IN SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'
        AND tablename NOT IN ('alembic_version', 'rule_edition', 'token_key')
    LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO has_rows;
        IF has_rows THEN filled := filled || name; END IF;
    END LOOP;
    IF filled <> '{}' THEN
        EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' RESTART IDENTITY CASCADE';
    END IF;
END $$
"""


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in: the actor a command sees, and the token a server sees."""

    actor: Actor
    token: str

    @property
    def id(self) -> str:
        """The staff id."""
        return self.actor.id

    @property
    def branch_id(self) -> str:
        """Where this person is signed in."""
        return self.actor.branch_id


class Chain:
    """Databases and servers of a test run, made when they are first asked for."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._databases: dict[str, Database] = {}
        self._owners: dict[str, Engine] = {}
        self._servers: dict[str, grpc.Server] = {}
        self._channels: dict[str, grpc.Channel] = {}
        self._peers: list[Peers] = []

    def database(self, service: str) -> Database:
        """Return the migrated database of a service."""
        if service not in self._databases:
            migrate.all_of([service])
            loaded = settings.load(service)
            importlib.import_module(f"{service}.api")
            self._databases[service] = boot.database_of(service, loaded)
        return self._databases[service]

    def work(self, service: str, actor: Actor) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work of a service in somebody's name."""
        return self.database(service).work(actor)

    def hears(
        self,
        service: str,
        record_id: str,
        version: int,
        *fields: str,
        what: ChangeKind = ChangeKind.AMENDED,
    ) -> None:
        """Let a service hear that a record was amended or ended, as its worker would."""
        changed = RecordChanged(
            record_id=record_id,
            kind="",
            version=version,
            what=what,
            fields=fields,
            case_id="",
            customer_id="",
            branch_id="",
            changed_at=clock.now(),
        )
        with self.work(service, system(service)) as work:
            known_versions.hear(work.connection, changed)
            reviewing.open_for(work.records, reviewing.heard(changed))

    def serve(self, *services: str) -> None:
        """Serve these services, and organisation, each on its own port."""
        for service in ("organisation", *services):
            if service not in self._servers:
                self._servers[service] = self._server(service)
                self._wait_until_asked_again(service)

    def _wait_until_asked_again(self, service: str) -> None:
        """Let those who found it away come back to it; they pause between attempts."""
        known = [peers._channels.get(service) for peers in self._peers]
        for channel in filter(None, [*known, self._channels.get(service)]):
            grpc.channel_ready_future(channel).result(timeout=20)

    def stop(self, service: str) -> None:
        """Stop serving a service, until it is served again."""
        self._servers.pop(service).stop(0).wait()

    def _server(self, service: str) -> grpc.Server:
        loaded = settings.load(service)
        database = self.database(service)
        module = importlib.import_module(f"{service}.api")
        peers = Peers(loaded, service=service, secret=loaded.secret.get_secret_value())
        self._peers.append(peers)
        keys = module.keys(database, loaded) if hasattr(module, "keys") else peers.keys
        objects = ObjectStore(loaded.s3_url.get_secret_value())
        guard = getattr(module, "GUARD", None)
        steps = Steps(database, peers, Verifier(keys), objects, loaded, guard)
        server = make_server([*module.APIS, *SHARED_APIS], steps)
        assert server.add_insecure_port(loaded.listen)
        server.start()
        return server

    def person(
        self,
        *roles: Role,
        branch_id: str = "",
        scope: Scope = Scope.OWN_BRANCH,
        authenticated_at: datetime | None = None,
    ) -> Person:
        """Return somebody with these roles, signed in at a branch (a new one unless given) just
        now, or then."""
        branch_id = branch_id or new_id("br")
        actor = Actor(
            id=new_id("stf"),
            role=roles[0],
            roles=frozenset(roles),
            branch_id=branch_id,
            scope=scope,
            session_id=new_id("ses"),
            authenticated_at=authenticated_at or clock.now(),
        )
        return Person(actor, self._token(actor))

    def head_office(self) -> Person:
        """Return somebody of head office, signed in at a branch that organisation keeps."""
        branch: Any = importlib.import_module("organisation.branch")
        person = self.person(Role.HEAD_OFFICE)
        place = branch.Branch(
            name="Head office",
            code=person.branch_id[-6:].upper(),
            branch_kind=branch.BranchKind.HEAD_OFFICE,
            time_zone="Asia/Shanghai",
        )
        with self.work("organisation", person.actor) as work:
            work.records.add(branch.BRANCH, place, id=person.branch_id)
        return person

    def qualify(self, person: Person, *courses: str) -> list[str]:
        """Let somebody sign, or work a station, as far as these courses go; returns the
        qualifications."""
        staff: Any = importlib.import_module("organisation.staff")
        office = self.head_office()
        with self.work("organisation", office.actor) as work:
            held = [
                staff.Qualification(
                    staff_id=person.id,
                    course=course,
                    valid_from=work.at.date() - timedelta(days=30),
                    valid_to=work.at.date() + timedelta(days=335),
                    assessor="Head office",
                )
                for course in courses
            ]
            return [work.records.add(staff.QUALIFICATION, one).id for one in held]

    def _token(self, actor: Actor) -> str:
        keys: Any = importlib.import_module("organisation.keys")
        founding: Any = importlib.import_module("organisation.founding")
        database = self.database("organisation")
        founding.found(database, settings.load("organisation"))
        roles = tuple(sorted(actor.roles))
        claims = keys.person_claims(
            actor.id,
            roles,
            actor.branch_id,
            actor.session_id,
            authenticated_at=actor.authenticated_at,
        )
        token: str = founding.signing_key(database).sign(claims)[0]
        return token

    def ask(
        self,
        request: Message,
        response: type[R],
        *,
        as_: Person | None = None,
        of: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> R:
        """Call an RPC as somebody (or nobody). Raises what the service refuses with."""
        rpc = rpc_of(type(request))
        service = of or rpc.service
        if service not in self._channels:
            address = settings.load(service).address_of(service)
            self._channels[service] = grpc.insecure_channel(address)
        sent = [*metadata, *([("authorization", f"Bearer {as_.token}")] if as_ else [])]
        method: Any = self._channels[service].unary_unary(
            rpc.path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        try:
            answer: R = method(request, timeout=20, metadata=sent)
        except grpc.RpcError as failure:
            refusal = from_status(failure, service)
            if refusal is None:
                raise
            raise refusal from failure
        return answer

    def ask_as_service(
        self,
        service: str,
        request: Message,
        response: type[R],
        *,
        of: str = "",
        actor: Actor | None = None,
    ) -> R:
        """Call an RPC as another service would, in somebody's name or its own."""
        loaded = settings.load(service)
        peers = Peers(loaded, service=service, secret=loaded.secret.get_secret_value())
        try:
            return peers.ask(request, response, of=of, actor=actor)
        finally:
            peers.close()

    def empty(self) -> None:
        """Empty every table of every database that was used, as its owner."""
        for service in self._databases:
            with self.owner(service).begin() as connection:
                connection.exec_driver_sql(_EMPTY)

    def owner(self, service: str) -> Engine:
        """Return the way into a service's database as its owner, who may do anything there."""
        if service not in self._owners:
            self._owners[service] = create_engine(os.environ[f"{service.upper()}_MIGRATE_URL"])
        return self._owners[service]

    def close(self) -> None:
        """Stop the servers and close the databases."""
        for channel in self._channels.values():
            channel.close()
        for server in self._servers.values():
            server.stop(0).wait()
        for peers in self._peers:
            peers.close()
        for database in self._databases.values():
            database.close()
        for owner in self._owners.values():
            owner.dispose()
