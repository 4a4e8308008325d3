"""The vision file of a customer: what clinical knows of a pair of eyes, and what a complete file
still lacks."""

from __future__ import annotations

from datetime import date
from typing import Any

from chassis import clock
from chassis.db import Reading
from chassis.records.envelope import Record
from chassis.records.kinds import Kind
from clinical import store_records
from clinical.device_reading import DEVICE_READING
from clinical.dispensing.fitting_measurement import FITTING_MEASUREMENT
from clinical.dispensing.frame_selection import FRAME_SELECTION
from clinical.dispensing.lens_specification import LENS_SPECIFICATION
from clinical.dispensing.needs_analysis import NEEDS_ANALYSIS
from clinical.prescription import PRESCRIPTION
from clinical.recheck_plan import RECHECK_PLAN
from clinical.refraction import REFRACTION
from clinical.visit import VISIT

_NEWEST = 20

_LISTS: dict[str, Kind[Any]] = {
    "visits": VISIT,
    "readings": DEVICE_READING,
    "refractions": REFRACTION,
    "prescriptions": PRESCRIPTION,
    "recheck_plans": RECHECK_PLAN,
    "needs_analyses": NEEDS_ANALYSIS,
    "frame_selections": FRAME_SELECTION,
    "lens_specifications": LENS_SPECIFICATION,
    "fitting_measurements": FITTING_MEASUREMENT,
}


def get_vision_file(reading: Reading, *, customer_id: str) -> dict[str, Any]:
    """Return the newest records of each kind, and the completeness of the file."""
    by_kind = store_records.newest_of_customer(
        reading.connection, customer_id, tuple(_LISTS.values()), _NEWEST
    )
    lists = {name: by_kind[kind.name] for name, kind in _LISTS.items()}
    return {
        "vision_file": {
            "customer_id": customer_id,
            **lists,
            "completeness": completeness(lists, clock.now().date()),
        }
    }


def completeness(lists: dict[str, list[Record[Any]]], today: date) -> list[dict[str, Any]]:
    """Return what a complete vision file has here, each with whether it is there."""
    standing = {name: [one for one in records if not one.void] for name, records in lists.items()}
    signed = [one for one in standing["refractions"] if one.state == "signed"]
    in_force = [one for one in standing["prescriptions"] if one.content.expires_on >= today]
    planned = [one for one in standing["recheck_plans"] if one.state == "planned"]
    present = {
        "visit": standing["visits"],
        "visual_acuity": [one for one in signed if one.content.visual_acuities],
        "refraction": signed,
        "present_correction": standing["readings"],
        "prescription": in_force,
        "recheck_date": [*planned, *in_force],
        "needs_analysis": standing["needs_analyses"],
        "frame": standing["frame_selections"],
        "lens_type": standing["lens_specifications"],
        "fitting_measurement": standing["fitting_measurements"],
    }
    return [{"name": name, "is_present": bool(found)} for name, found in present.items()]
