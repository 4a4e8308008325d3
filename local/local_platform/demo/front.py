"""Steps 1 to 4: she walks in, is measured, and the optometrist signs her prescription."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib import resources

from local_platform.demo.desk import Json
from local_platform.demo.shop import DemoFailed, Shop, measured
from local_platform.instruments import (
    Eye,
    Instrument,
    autorefractor_print,
    lensmeter_print,
    phoropter_print,
)

WALK_IN_PHONE_END = "0199"
"""Last four digits of the phone of the walk-in in old_customers.csv."""

_IMPORTED, _BAD_LINE = (7, 6, 1), 7
"""Of old_customers.csv: rows, rows taken in, those of them that stand twice; the line of the bad
row."""

_INSTRUMENTS = (
    ("lensmeter", "LM-1000P", "LM-77001", "PRE1"),
    ("autorefractor", "ARK-1a", "ARK-77002", "PRE1"),
    ("phoropter", "RT-5100", "RT-77003", "PHO1"),
)
_VISIT_READINGS = 4
"""Old glasses, eyes, and two tests at the phoropter."""

OLD_GLASSES = (Eye(-175, -50, 90), Eye(-150, -50, 85))
OBJECTIVE = (Eye(-225, -75, 88), Eye(-200, -50, 86))
SUBJECTIVE = (
    Eye(-225, -75, 90, acuity_hundredths=100),
    Eye(-200, -50, 85, acuity_hundredths=100),
)
PD = (31_500, 31_000)


def import_old_customers(shop: Shop) -> None:
    """The night before: old customers come in from a CSV, once dry and once for good."""
    manager = shop.desk("manager.ja1")
    sheet = resources.files("local_platform.demo").joinpath("old_customers.csv").read_bytes()
    key = manager.upload("customer", "import", "text/csv", sheet, "old customers")
    for dry_run in (True, False):
        started = manager.do("customer.StartImport", object_key=key, dry_run=dry_run)
        import_id = started["import_batch"]["envelope"]["id"]
        done = shop.until(
            "the import is finished",
            lambda import_id=import_id: _finished(shop, import_id),  # type: ignore[misc]  # bound now
        )
        _require_as_imported(shop, done)


def _finished(shop: Shop, import_id: str) -> Json | None:
    batch: Json = shop.desk("manager.ja1").do("customer.GetImport", import_id=import_id)[
        "import_batch"
    ]
    if batch["envelope"]["state"] == "failed":
        raise DemoFailed(f"the import failed: {batch.get('failure')}")
    return batch if batch["envelope"]["state"] == "finished" else None


def _require_as_imported(shop: Shop, batch: Json) -> None:
    """All rows of old_customers.csv were taken in but the bad one, and the one that came twice was
    seen. Raises DemoFailed."""
    counted = tuple(batch.get(f"rows_{what}", 0) for what in ("done", "added", "duplicate"))
    listed = shop.desk("manager.ja1").do(
        "customer.ListImportRows", import_id=batch["envelope"]["id"], outcome="refused"
    )
    rows = listed.get("rows", ())
    refused = [f"line {row['line']}: {row['field']} {row['text']}" for row in rows]
    if counted != _IMPORTED or [row["line"] for row in rows] != [_BAD_LINE]:
        raise DemoFailed(f"of the old customers {counted} came in, refused: {refused}")
    shop.say(
        f"     {'tried' if batch['dry_run'] else 'imported'}: {counted[1]} of {counted[0]} rows, "
        f"{counted[2]} duplicate, refused {refused[0]}"
    )


def install_instruments(shop: Shop) -> None:
    """The branch's instruments stand on serial lines; the bridge opens them by their URL."""
    manager = shop.desk("manager.ja1")
    for name, model, serial, station in _INSTRUMENTS:
        instrument = Instrument()
        shop.instruments[name] = instrument
        manager.do(
            "device_bridge.RegisterInstrument",
            model=model,
            serial_number=serial,
            branch_id=shop.chain.branches["JA1"],
            station_code=station,
            port_url=instrument.path,
            in_service=True,
        )
    shop.until("the bridge listens to every line", lambda: _all_connected(shop))


def _all_connected(shop: Shop) -> bool:
    listed = shop.desk("manager.ja1").do(
        "device_bridge.ListInstruments", branch_id=shop.chain.branches["JA1"]
    )
    links = [one.get("link") for one in listed["instruments"]]
    return len(links) == len(_INSTRUMENTS) and set(links) == {"connected"}


def take_instruments_away(shop: Shop) -> None:
    """The lines end with the demo: the bridge must not open them again, for whoever has them by
    then."""
    manager = shop.desk("manager.ja1")
    try:
        if shop.instruments:
            listed = manager.do(
                "device_bridge.ListInstruments", branch_id=shop.chain.branches["JA1"]
            )
            for one in listed["instruments"]:
                manager.do(
                    "device_bridge.TakeOutOfService",
                    instrument_id=one["envelope"]["id"],
                    revision=one["envelope"]["revision"],
                    reason="The demo has ended, and its lines with it.",
                )
    finally:
        for instrument in shop.instruments.values():
            instrument.unplug()


def arrive(shop: Shop) -> None:
    """Step 1."""
    reception = shop.desk("reception.ja1")
    found = reception.do("customer.SearchPeople", text=WALK_IN_PHONE_END, by="phone")["people"]
    customer_id = shop.glasses.customer_id = found[0]["customer_id"]
    reception.do(
        "customer.VerifyContact",
        customer_id=customer_id,
        channel="phone_call",
        method="said_in_person",
    )
    for purpose, answer in (("order_service", "yes"), ("recall", "yes"), ("marketing", "no")):
        channels = {"channels": ["sms", "phone_call"]} if answer == "yes" else {}
        reception.do(
            "customer.RecordContactPermission",
            customer_id=customer_id,
            purpose=purpose,
            answer=answer,
            follow_up_wanted=purpose == "order_service",
            **channels,
        )
    visit = reception.do("clinical.OpenVisit", customer_id=customer_id, purpose="spectacles")[
        "visit"
    ]
    shop.glasses.visit_id = visit["envelope"]["id"]
    shop.glasses.case_id = visit["envelope"]["case_id"]


def read_old_glasses_and_eyes(shop: Shop) -> None:
    """Step 2; a print before the visit is armed lands among the branch's unclaimed readings."""
    technician = shop.desk("technician.ja1")
    shop.prints("lensmeter", lensmeter_print(Eye(100), Eye(100)))
    shop.until("the early print waits unclaimed", lambda: _unclaimed(shop))
    technician.do("clinical.ArmStation", visit_id=shop.glasses.visit_id, station_code="PRE1")
    worn = lensmeter_print(*OLD_GLASSES)
    eyes = autorefractor_print(
        *OBJECTIVE,
        measured_at=datetime.now(UTC),
        running_number=int(time.time()) % 10_000,
        pupillary_distance_micrometres=62_500,
    )
    shop.prints("lensmeter", worn)
    shop.prints("autorefractor", eyes)
    shop.glasses.reading_ids = shop.until("two readings are bound", lambda: _readings(shop, 2))
    technician.do("clinical.HandToExaminer", visit_id=shop.glasses.visit_id)


def _unclaimed(shop: Shop) -> bool:
    listed = shop.desk("technician.ja1").do(
        "clinical.ListUnclaimedReadings", branch_id=shop.chain.branches["JA1"]
    )
    return bool(listed.get("readings"))


def _readings(shop: Shop, count: int) -> list[str] | None:
    listed = shop.desk("optometrist.ja1").do(
        "clinical.ListReadings", visit_id=shop.glasses.visit_id
    )
    ids = [one["envelope"]["id"] for one in listed.get("readings", ())]
    if len(ids) > count:
        raise DemoFailed(f"{len(ids)} readings are bound where {count} were made")
    return ids if len(ids) == count else None


def require_readings_once(shop: Shop) -> None:
    """Each print came twice and is one reading: four of the visit, one that nobody was armed for.
    Raises DemoFailed."""
    unclaimed = shop.desk("technician.ja1").do(
        "clinical.ListUnclaimedReadings", branch_id=shop.chain.branches["JA1"]
    )
    captures = shop.desk("manager.ja1").do(
        "device_bridge.ListCaptures", branch_id=shop.chain.branches["JA1"]
    )["captures"]
    states = [one["envelope"]["state"] for one in captures]
    bound = len(_readings(shop, _VISIT_READINGS) or ())
    if (bound, len(unclaimed["readings"]), states) != (
        _VISIT_READINGS,
        1,
        ["delivered"] * (_VISIT_READINGS + 1),
    ):
        raise DemoFailed(f"{bound} readings are bound, and the captures are {states}")


def examine(shop: Shop, subjective: tuple[Eye, Eye] = SUBJECTIVE, readings: int = 3) -> None:
    """Step 3: the phoropter prints what was found, and the refraction is signed."""
    optometrist = shop.desk("optometrist.ja1")
    optometrist.do("clinical.ArmStation", visit_id=shop.glasses.visit_id, station_code="PHO1")
    today = datetime.now(UTC).date()
    shop.prints("phoropter", phoropter_print(*subjective, printed_on=today))
    ids = shop.until("the phoropter's reading is bound", lambda: _readings(shop, readings))
    shop.glasses.reading_ids = ids
    recorded = optometrist.do(
        "clinical.RecordRefraction",
        visit_id=shop.glasses.visit_id,
        objective=_both(*OBJECTIVE),
        subjective=_both(*subjective),
        visual_acuities=acuities(),
        back_vertex_distance_micrometres=12_000,
        history="Reads and works at a screen; headaches in the evening.",
        binocular_checks="Ortho at distance and near.",
        reading_ids=ids,
    )["refraction"]
    signed = optometrist.do(
        "clinical.SignRefraction",
        refraction_id=recorded["envelope"]["id"],
        revision=recorded["envelope"]["revision"],
        are_unconfirmed_values_right=True,
    )["refraction"]
    shop.glasses.refraction_id = signed["envelope"]["id"]


def acuities() -> list[dict[str, object]]:
    """Return full acuity with the best correction, both eyes, in decimals at five metres."""
    return [
        {
            "eye": eye,
            "condition": "best_corrected",
            "distance_micrometres": 5_000_000,
            "scale": "decimal",
            "written": "1.0",
        }
        for eye in ("od", "os")
    ]


def _both(od: Eye, os: Eye) -> dict[str, object]:
    return {
        name: {
            "sphere_centidioptres": measured(eye.sphere_centidioptres),
            "cylinder_centidioptres": measured(eye.cylinder_centidioptres),
            "axis_degrees": measured(eye.axis_degrees),
        }
        for name, eye in (("od", od), ("os", os))
    }


def prescribed(eye: Eye) -> dict[str, int]:
    """Return what is prescribed for an eye."""
    axis = {"axis_degrees": eye.axis_degrees} if eye.cylinder_centidioptres else {}
    return {
        "sphere_centidioptres": eye.sphere_centidioptres,
        "cylinder_centidioptres": eye.cylinder_centidioptres,
        **axis,
    }


def prescribe(
    shop: Shop, subjective: tuple[Eye, Eye] = SUBJECTIVE, supersedes_id: str = ""
) -> None:
    """Step 4."""
    od, os = subjective
    signed = shop.desk("optometrist.ja1").do(
        "clinical.SignPrescription",
        refraction_id=shop.glasses.refraction_id,
        purpose="distance",
        od=prescribed(od),
        os=prescribed(os),
        pd={
            "od_micrometres": measured(PD[0]),
            "os_micrometres": measured(PD[1]),
            "binocular_micrometres": measured(sum(PD)),
        },
        notes="First pair with a stronger right lens.",
        **({"supersedes_id": supersedes_id} if supersedes_id else {}),
    )
    shop.glasses.prescription = signed["prescription"]
