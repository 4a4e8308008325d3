"""A contract of a few RPCs, made without a compiler, and a server in this process that keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from chain import Chain
from chassis import settings
from chassis.objects import ObjectStore
from chassis.rpc import Api
from chassis.rpc.peers import Peers
from chassis.rpc.server import Steps, make_server
from chassis.rpc.status import from_status
from chassis.tokens import Verifier
from chassis.wire import message_class_of
from optichain.auth.v1 import access_pb2, rule_pb2

ANYBODY = rule_pb2.Rule(open=True)
STAFF = rule_pb2.Rule(staff=True, scope=rule_pb2.SCOPE_CHAIN)
SERVICE = "SmallService"
Metadata = tuple[tuple[str, str], ...]


def contract(
    accesses: Mapping[str, access_pb2.Access] | None = None, /, **rules: rule_pb2.Rule | None
) -> SimpleNamespace:
    """Return what a generated module has: a service with one RPC for each rule, and by RPC what it
    shows of people. Each request has a `request_id` and a `name`, each response a `name`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="optichain/small/v1/small.proto", package="optichain.small.v1", syntax="proto3"
    )
    service = file.service.add(name=SERVICE)
    for rpc, rule in rules.items():
        _message(file, f"{rpc}Request", "request_id", "name")
        _message(file, f"{rpc}Response", "name")
        method = service.method.add(
            name=rpc,
            input_type=f".optichain.small.v1.{rpc}Request",
            output_type=f".optichain.small.v1.{rpc}Response",
        )
        if rule is not None:
            method.options.Extensions[rule_pb2.rule].CopyFrom(rule)
        if accesses and rpc in accesses:
            method.options.Extensions[access_pb2.access].CopyFrom(accesses[rpc])
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found: Any = pool.FindFileByName(file.name)
    classes = {
        name: message_factory.GetMessageClass(one)
        for name, one in found.message_types_by_name.items()
    }
    return SimpleNamespace(DESCRIPTOR=found, **classes)


def _message(file: descriptor_pb2.FileDescriptorProto, name: str, *fields: str) -> None:
    message = file.message_type.add(name=name)
    for number, field in enumerate(fields, start=1):
        message.field.add(
            name=field,
            number=number,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        )


@contextmanager
def served(api: Api, chain: Chain) -> Iterator[str]:
    """Serve the RPCs as labjob would, in this process; yield the address."""
    chain.serve()
    loaded = settings.load("labjob")
    peers = Peers(loaded, service="labjob", secret=loaded.secret.get_secret_value())
    objects = ObjectStore(loaded.s3_url.get_secret_value())
    database = chain.database("labjob")
    server = make_server([api], Steps(database, peers, Verifier(peers.keys), objects, loaded))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
        peers.close()


class Caller:
    """Somebody who calls an address over real gRPC, with or without a token."""

    def __init__(self, address: str, descriptor: Any, token: str = "") -> None:
        self._channel = grpc.insecure_channel(address)
        self._service = descriptor
        self._token = token

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_error: object) -> None:
        self._channel.close()

    def call(self, rpc: str, *, seconds: float = 20, sent: Metadata = (), **fields: str) -> Any:
        """Return the answer. Raises what was refused, or grpc.RpcError when nothing was said."""
        try:
            return self.begin(rpc, seconds=seconds, sent=sent, **fields).result()
        except grpc.RpcError as failure:
            refusal = from_status(failure, SERVICE)
            if refusal is None:
                raise
            raise refusal from failure

    def begin(
        self,
        rpc: str,
        *,
        seconds: float = 20,
        sent: Metadata = (),
        **fields: str,
    ) -> Any:
        """Begin the call, and return its future."""
        method = self._service.methods_by_name[rpc]
        who = (("authorization", f"Bearer {self._token}"),) if self._token else ()
        stub: Any = self._channel.unary_unary(
            f"/{self._service.full_name}/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_class_of(method.output_type).FromString,
        )
        request = message_class_of(method.input_type)(**fields)
        return stub.future(request, timeout=seconds, metadata=(*who, *sent))
