"""The one ObjectService, the same in every service: uploads offered, confirmed and shown."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from chassis import evidence
from chassis.objects import ObjectDiffers, sealed_key
from chassis.rpc.api import Api
from chassis.rpc.call import Call
from optichain.object.v1 import object_service_pb2

api = Api(object_service_pb2, "ObjectService")


@api.asks("OfferUpload")
def _offer_upload(call: Call, request: Any) -> Message:
    upload = call.objects.offer_upload(call.settings.service, request.purpose, request.media_type)
    with call.database.work(call.actor) as work:
        evidence.offered(
            work.connection, upload.object_key, request.media_type, call.actor, work.at
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
        offer = evidence.offer_of(connection, request.object_key, call.actor.id)
        if offer.confirmed_as:
            return _confirmed_before(call, connection, offer.confirmed_as)
    key = sealed_key(request.object_key, request.sha256)
    # Noted before it is copied, so that a copy which comes to nothing is swept like any upload.
    with call.database.work(call.actor) as work:
        evidence.offered(work.connection, key, offer.media_type, call.actor, work.at)
    shown = call.objects.seal(
        request.object_key,
        key,
        sha256=request.sha256,
        media_type=offer.media_type,
        note=request.note,
        most_bytes=call.settings.upload_limit_bytes,
    )
    with call.database.work(call.actor) as work:
        evidence.sealed(work.connection, request.object_key, shown, work.at)
    return call.reply({"evidence": shown})


def _confirmed_before(call: Call, connection: Any, confirmed_as: str) -> Message:
    """Answer a repeat as the first time. Raises ObjectDiffers for another hash."""
    (shown,) = evidence.named(connection, [confirmed_as])
    request: Any = call.request
    if shown.sha256 != request.sha256:
        raise ObjectDiffers(
            "the upload was confirmed with another sha256", object_key=request.object_key
        )
    return call.reply({"evidence": shown})


@api.asks("OfferRead")
def _offer_read(call: Call, request: Any) -> Message:
    with call.database.snapshot() as connection:
        object_key = evidence.readable(connection, request.object_key, call.actor)
        for one in evidence.people_shown(connection, object_key) if not call.actor.service else ():
            call.shown.add(*one)
    offered = call.objects.offer_read(object_key)
    return call.reply({"url": offered.url, "valid_seconds": offered.valid_seconds})
