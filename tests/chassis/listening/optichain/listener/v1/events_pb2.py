"""Listener's contract, made without a compiler: one event with a person's name and powers in it."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = descriptor_pb2.FieldDescriptorProto


def _field(message: descriptor_pb2.DescriptorProto, name: str, **options: object) -> None:
    repeated = options.pop("repeated", False)
    redacted = options.pop("redacted", False)
    number = len(message.field) + 1
    label = _TYPES.LABEL_REPEATED if repeated else _TYPES.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label, **options)
    field.options.debug_redact = bool(redacted)


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="optichain/listener/v1/events.proto", package="optichain.listener.v1", syntax="proto3"
    )
    file.enum_type.add(name="Side").value.add(name="SIDE_UNSPECIFIED", number=0)
    file.enum_type[0].value.add(name="SIDE_RIGHT", number=1)
    eye = file.message_type.add(name="Eye")
    side = ".optichain.listener.v1.Side"
    _field(eye, "side", type=_TYPES.TYPE_ENUM, type_name=side)
    _field(eye, "sphere_centidioptres", type=_TYPES.TYPE_SINT32, redacted=True)
    heard = file.message_type.add(name="PairHeard")
    eye_type = {"type": _TYPES.TYPE_MESSAGE, "type_name": ".optichain.listener.v1.Eye"}
    _field(heard, "branch_id", type=_TYPES.TYPE_STRING)
    _field(heard, "customer_name", type=_TYPES.TYPE_STRING, redacted=True)
    _field(heard, "eyes", repeated=True, **eye_type)
    _field(heard, "former", redacted=True, **eye_type)
    entry = heard.nested_type.add(name="ByStationEntry")
    entry.options.map_entry = True
    _field(entry, "key", type=_TYPES.TYPE_STRING)
    _field(entry, "value", **eye_type)
    by_station = ".optichain.listener.v1.PairHeard.ByStationEntry"
    _field(heard, "by_station", repeated=True, type=_TYPES.TYPE_MESSAGE, type_name=by_station)
    _field(heard, "frame", type=_TYPES.TYPE_BYTES)
    return file


_pool = descriptor_pool.DescriptorPool()
DESCRIPTOR = _pool.Add(_file()) or _pool.FindFileByName("optichain/listener/v1/events.proto")
PairHeard = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["PairHeard"])
Eye = message_factory.GetMessageClass(DESCRIPTOR.message_types_by_name["Eye"])
