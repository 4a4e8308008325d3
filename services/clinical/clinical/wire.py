"""What clinical takes over from another service's messages: frames, lenses and their pins."""

from __future__ import annotations

from typing import Any

from chassis.records.book import RecordVoid
from chassis.records.changes import VOIDING
from chassis.records.pins import Pin
from chassis.wire import arguments, value_of
from clinical.dispensing.frame_selection import FrameBox, NotAFrame
from clinical.dispensing.lens_product import LensProduct, NotALens


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
