"""What clinical takes over from another service's messages: frames, lenses and their pins."""

from __future__ import annotations

from typing import Any

from chassis.access import Standing
from chassis.records.book import RecordVoid
from chassis.records.changes import VOIDING
from chassis.records.pins import Pin
from chassis.wire import arguments, enum_words, value_of
from clinical.dispensing.frame_selection import FrameBox, NotAFrame
from clinical.dispensing.lens_product import LensProduct, NotALens
from optichain.customer.v1 import protection_pb2


def frame_box(product: Any) -> FrameBox:
    """Return the boxing sizes of a catalogue frame. Raises NotAFrame."""
    if product.WhichOneof("particulars") != "frame":
        raise NotAFrame(f"{product.envelope.id} is no frame", id=product.envelope.id)
    return value_of(product.frame, FrameBox)


def lens_product(product: Any) -> LensProduct:
    """Return a catalogue lens with the powers it is made in. Raises NotALens."""
    if product.WhichOneof("particulars") != "lens":
        raise NotALens(f"{product.envelope.id} is no lens", id=product.envelope.id)
    told = arguments(product.lens, LensProduct) | arguments(product, LensProduct)
    return LensProduct(**told)


def product_pin(product: Any) -> Pin:
    """Return a live pin on what is particular to a catalogue product, as it stands now. Raises
    RecordVoid."""
    envelope = product.envelope
    if envelope.state in VOIDING:
        raise RecordVoid(f"{envelope.id} is {envelope.state}", id=envelope.id, state=envelope.state)
    return Pin(
        record_id=envelope.id,
        kind=envelope.kind,
        relied_version=envelope.version,
        settled_version=envelope.version,
        fields=(product.WhichOneof("particulars"),),
    )


def tier_of(number: int) -> str:
    """Return the word of a protection tier."""
    return enum_words(protection_pb2.ProtectionTier.DESCRIPTOR)[number]


def standing(answer: Any) -> Standing:
    """Return how a file stands towards the caller, as the customer service told it."""
    return Standing(
        tier=tier_of(answer.protection_tier),
        is_known_here=answer.is_known_here,
        break_glass_id=answer.break_glass_id,
    )
