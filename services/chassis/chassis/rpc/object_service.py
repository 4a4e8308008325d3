"""The one ObjectService, the same in every service: uploads offered, confirmed and shown."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis import evidence
from chassis.rpc.api import Api
from chassis.rpc.call import Call
from optichain.object.v1 import object_service_pb2

api = Api(object_service_pb2, "ObjectService")


@api.asks("OfferUpload")
def _offer_upload(call: Call, request: Any) -> Message:
    upload = call.objects.offer_upload(call.settings.service, request.purpose, request.media_type)
    with call.database.work(call.actor) as work:
        evidence.offered(
            work.connection, upload.object_key, request.media_type, call.actor.id, work.at
        )
    return call.reply(
        {
            "object_key": upload.object_key,
            "url": upload.url,
            "valid_seconds": upload.valid_seconds,
        }
    )


@api.asks("ConfirmObject")
def _confirm_object(call: Call, request: Any) -> Message:
    with call.database.snapshot() as connection:
        media_type = evidence.media_type_of(connection, request.object_key)
    shown = call.objects.confirm(
        request.object_key, sha256=request.sha256, media_type=media_type, note=request.note
    )
    with call.database.work(call.actor) as work:
        evidence.confirmed(work.connection, shown, work.at)
    return call.reply({"evidence": shown})


@api.asks("OfferRead")
def _offer_read(call: Call, request: Any) -> Message:
    with call.database.snapshot() as connection:
        evidence.named(connection, [request.object_key])
    offered = call.objects.offer_read(request.object_key)
    return call.reply({"url": offered.url, "valid_seconds": offered.valid_seconds})
