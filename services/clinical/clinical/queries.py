"""What clinical is asked: the day, readings, prescriptions, dispensing and rechecks."""

from __future__ import annotations

from datetime import date
from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.pages import Page, after, size_of
from chassis.records.book import RecordVoid, WrongBranch
from chassis.records.envelope import Record
from chassis.records.queries import record_at, standing
from clinical import store, store_records
from clinical.dispensing.fitting_measurement import FrameDiffers, MeasurementIncomplete
from clinical.dispensing.lens_fit import fits


def _get(reading: Reading, record_id: str) -> Record[Any]:
    return record_at(reading.connection, record_id)


def _with_pins(name: str, reading: Reading, record_id: str) -> dict[str, Any]:
    found = standing(reading.connection, record_id)
    return {name: found.envelope, "pins": found.pins}


def _branch(reading: Reading, branch_id: str) -> str:
    """Return the branch asked about, the caller's own unless named. Raises WrongBranch."""
    branch_id = branch_id or reading.actor.branch_id
    if not reading.actor.reaches(branch_id):
        raise WrongBranch("this is another branch's list", id=branch_id)
    return branch_id


def get_visit(reading: Reading, *, visit_id: str) -> dict[str, Any]:
    """Return a visit with the stations armed for it. Raises Unknown."""
    return {
        "visit": _get(reading, visit_id),
        "stations": store.stations_of(reading.connection, visit_id),
    }


def get_armed_station(reading: Reading, *, branch_id: str, station_code: str) -> dict[str, Any]:
    """Return whose readings come at a station; nothing when it is not armed."""
    armed = store.station(reading.connection, branch_id, station_code)
    return {"station": armed} if armed else {}


def list_day(
    reading: Reading, *, branch_id: str, day: date | None, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's day by time. Raises WrongBranch."""
    branch_id = _branch(reading, branch_id)
    day = day or store.day_at(reading.connection, branch_id, clock.now())
    size = size_of(page_size)
    rows = store.day_page(reading.connection, branch_id, day, after(page_token, 2), size + 1)
    page = Page.of(rows, size, key=lambda row: [row["at"].isoformat(), str(row["id"])])
    return {"entries": page.rows, "next_page_token": page.next_page_token}


def get_reading(reading: Reading, *, reading_id: str) -> Record[Any]:
    """Return a device reading. Raises Unknown."""
    return _get(reading, reading_id)


def list_readings(
    reading: Reading, *, visit_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a visit's readings, oldest first."""
    size = size_of(page_size)
    key = after(page_token, 2)
    found = store_records.readings_of_visit(reading.connection, visit_id, key, size + 1)
    return _page("readings", found, size)


def list_unclaimed_readings(
    reading: Reading, *, branch_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's unclaimed readings, newest first. Raises WrongBranch."""
    size = size_of(page_size)
    branch_id = _branch(reading, branch_id)
    key = after(page_token, 2)
    found = store_records.unclaimed_readings(reading.connection, branch_id, key, size + 1)
    return _page("readings", found, size)


def get_refraction(reading: Reading, *, refraction_id: str) -> Record[Any]:
    """Return a refraction. Raises Unknown."""
    return _get(reading, refraction_id)


def get_prescription(reading: Reading, *, prescription_id: str) -> dict[str, Any]:
    """Return a prescription with its pins. Raises Unknown."""
    return _with_pins("prescription", reading, prescription_id)


def list_prescriptions(
    reading: Reading, *, customer_id: str, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a customer's prescriptions, newest first."""
    size = size_of(page_size)
    key = after(page_token, 2)
    found = store_records.prescriptions_of(reading.connection, customer_id, key, size + 1)
    return _page("prescriptions", found, size)


def get_frame_selection(reading: Reading, *, frame_selection_id: str) -> dict[str, Any]:
    """Return a frame selection with its pins. Raises Unknown."""
    return _with_pins("frame_selection", reading, frame_selection_id)


def get_lens_specification(reading: Reading, *, lens_specification_id: str) -> dict[str, Any]:
    """Return a lens specification with its pins. Raises Unknown."""
    return _with_pins("lens_specification", reading, lens_specification_id)


def get_fitting_measurement(reading: Reading, *, fitting_measurement_id: str) -> dict[str, Any]:
    """Return a fitting measurement with its pins. Raises Unknown."""
    return _with_pins("fitting_measurement", reading, fitting_measurement_id)


def require_lens_fits(
    reading: Reading, *, lens_specification_id: str, fitting_measurement_id: str
) -> dict[str, Any]:
    """Return how the lenses sit. Raises Unknown, RecordVoid, FrameDiffers, MeasurementIncomplete,
    BlankTooSmall, HeightTooSmall."""
    specification = _live(reading, lens_specification_id)
    measurement = _live(reading, fitting_measurement_id)
    lens, measured = specification.content, measurement.content
    if lens.frame_selection_id != measured.frame_selection_id:
        raise FrameDiffers("it was measured on another frame than the lenses are specified for")
    day = store.day_at(reading.connection, measurement.branch_id, clock.now())
    missing = measured.missing(
        store.rule(reading.connection, "fitting", day),
        lens.design,
        individualised=lens.is_individualised,
        eyes=tuple(eye for eye, _lens in lens.lenses()),
    )
    if missing:
        raise MeasurementIncomplete("the lens design requires more", missing=missing)
    box = _get(reading, lens.frame_selection_id).content.box
    purpose = _get(reading, lens.prescription_id).content.purpose
    return {"fits": fits(lens, measured, box, purpose)}


def list_recheck_plans(
    reading: Reading, *, branch_id: str, due_by: date, page_size: int, page_token: str
) -> dict[str, Any]:
    """Return a page of a branch's planned rechecks by due day. Raises WrongBranch."""
    size = size_of(page_size)
    branch_id = _branch(reading, branch_id)
    key = after(page_token, 2)
    found = store_records.rechecks_due(reading.connection, branch_id, due_by, key, size + 1)
    page = Page.of(
        found, size, key=lambda one: [one.content.due_on.isoformat(), store_records.key_of(one)[1]]
    )
    return {"recheck_plans": page.rows, "next_page_token": page.next_page_token}


def _page(name: str, found: list[Record[Any]], size: int) -> dict[str, Any]:
    page = Page.of(found, size, key=store_records.key_of)
    return {name: page.rows, "next_page_token": page.next_page_token}


def _live(reading: Reading, record_id: str) -> Record[Any]:
    found = _get(reading, record_id)
    if found.void:
        raise RecordVoid(f"{record_id} is {found.void}", id=record_id, state=found.void)
    return found
