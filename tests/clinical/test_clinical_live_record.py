"""The live record in the clinic: whoever comes second sees the other, in either order."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from chassis.errors import Outdated
from chassis.records import gates
from clinical import commands_lens, commands_prescription
from clinical.prescription import PRESCRIPTION, PrescribedEye

AXIS_12 = PrescribedEye(sphere_centidioptres=-200, cylinder_centidioptres=-75, axis_degrees=12)


def amendment(prescription: Any) -> dict[str, Any]:
    return {
        "prescription_id": prescription.id,
        "revision": prescription.revision,
        "reason_code": "RX_TRANSCRIPTION",
        "reason": "axis typed wrong",
        "od": AXIS_12,
    }


def waits(thread: threading.Thread) -> bool:
    """Whether a thread still stands at a lock after a moment."""
    time.sleep(0.4)
    return thread.is_alive()


def stale_pins(clinic: Any, holder_id: str) -> dict[str, list[str]]:
    """What a gate of the holder would find: record id to changed fields."""
    with clinic.chain.database("clinical").snapshot() as connection:
        loaded = gates.load(connection, holder_id)
        own = [one for one in loaded.pins if one.kind.startswith("clinical.")]
        found = gates.compare(connection, own)
    return {one.pin.record_id: [f.field for f in one.change.fields] for one in found.stale}


def test_who_specifies_after_the_amendment_has_begun_is_refused_the_old_version(
    clinic: Any,
) -> None:
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    arguments = clinic.lens_arguments(prescription, frame)
    outcome: list[Any] = []

    def specify() -> None:
        try:
            outcome.append(clinic.run(clinic.optician, commands_lens.specify_lens, **arguments))
        except Outdated as refused:
            outcome.append(refused.code)

    optician = threading.Thread(target=specify)
    with clinic.chain.work("clinical", clinic.optometrist.actor) as work:
        commands_prescription.amend_prescription(work, **amendment(prescription))
        optician.start()  # reads version 1, then waits for the row of known versions
        assert waits(optician)
    optician.join(10)
    assert outcome == ["PIN_OUTDATED"]
    lens = clinic.run(clinic.optician, commands_lens.specify_lens, **arguments)
    assert lens.content.od.axis_degrees == 12
    assert stale_pins(clinic, lens.id) == {}


def test_who_amends_after_the_specification_has_begun_leaves_it_stale(clinic: Any) -> None:
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    arguments = clinic.lens_arguments(prescription, frame)

    def amend() -> None:
        clinic.run(
            clinic.optometrist,
            commands_prescription.amend_prescription,
            **amendment(prescription),
        )

    optometrist = threading.Thread(target=amend)
    with clinic.chain.work("clinical", clinic.optician.actor) as work:
        lens = commands_lens.specify_lens(work, **arguments)
        # The optician has taken the prescription up: its revision is the one the amendment names.
        optometrist.start()
        assert waits(optometrist)
    optometrist.join(10)
    with clinic.chain.work("clinical", clinic.optometrist.actor) as work:
        assert work.records.get(PRESCRIPTION, prescription.id).version == 2
    assert stale_pins(clinic, lens.id) == {prescription.id: ["od"]}


def test_a_note_on_the_prescription_leaves_the_lenses_as_they_are(clinic: Any) -> None:
    prescription = clinic.prescription()
    lens = clinic.lens(prescription, clinic.frame(prescription))
    amended = clinic.amend(prescription, notes="prefers matt lenses")
    assert amended.version == 2
    assert stale_pins(clinic, lens.id) == {}


def test_a_superseded_prescription_makes_its_lenses_stale_whatever_fields_differ(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    prescription = clinic.prescription(visit)
    lens = clinic.lens(prescription, clinic.frame(prescription))
    clinic.sign(clinic.signed_refraction(visit), supersedes_id=prescription.id)
    assert stale_pins(clinic, lens.id) == {prescription.id: []}


def test_the_measurement_on_the_frame_outlives_a_new_prescription(clinic: Any) -> None:
    visit = clinic.visit()
    prescription = clinic.prescription(visit)
    frame = clinic.frame(prescription)
    fitting = clinic.fitting(frame)
    clinic.sign(clinic.signed_refraction(visit), supersedes_id=prescription.id)
    assert stale_pins(clinic, fitting.id) == {}
    clinic.frame(prescription, supersedes_id=frame.id)
    assert stale_pins(clinic, fitting.id) == {frame.id: ["product_id"]}


@pytest.mark.parametrize("turn", range(6))
def test_amending_and_specifying_at_once_never_leaves_old_lenses_unnoticed(
    clinic: Any, turn: int
) -> None:
    prescription = clinic.prescription()
    frame = clinic.frame(prescription)
    made: list[Any] = []

    def specify() -> None:
        time.sleep(0.004 * turn)
        try:
            made.append(clinic.lens(prescription, frame))
        except Outdated:
            made.append(None)

    optician = threading.Thread(target=specify)
    optician.start()
    clinic.amend(prescription, od=AXIS_12)
    optician.join(10)
    lens = made[0]
    if lens is not None and lens.content.od.axis_degrees == 10:
        assert stale_pins(clinic, lens.id) == {prescription.id: ["od"]}
    elif lens is not None:
        assert stale_pins(clinic, lens.id) == {}
