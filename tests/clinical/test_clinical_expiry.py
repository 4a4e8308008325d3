"""A prescription ends when its days are over: nobody begins with it, and everybody hears of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from chassis.actor import system
from chassis.errors import Refused
from chassis.records.envelope import SourceKind
from chassis.records.queries import record_at
from chassis.records.tables import outbox, record
from clinical import commands_prescription, commands_visit
from clinical.prescription import PRESCRIPTION, PrescriptionPurpose
from clinical.worker import ClinicalWorker
from optichain.record.v1 import pin_pb2
from optichain.record.v1.events_pb2 import RecordChanged


def ends_on(clinic: Any, prescription: Any, day: Any) -> None:
    """Put the last day of a prescription where the test needs it."""
    content = replace(prescription.content, expires_on=day)
    with clinic.chain.work("clinical", system("clinical")) as work:
        work.connection.execute(
            record.update()
            .where(record.c.content["visit_id"].astext == prescription.content.visit_id)
            .where(record.c.kind == PRESCRIPTION.name, record.c.void == "")
            .values(content=PRESCRIPTION.pack(content))
        )


def time_passes(clinic: Any) -> bool:
    with clinic.chain.work("clinical", system("clinical")) as work:
        return ClinicalWorker().expire_prescriptions(work)


def standing(clinic: Any, prescription: Any) -> Any:
    with clinic.chain.database("clinical").snapshot() as connection:
        return record_at(connection, prescription.id)


def told(clinic: Any) -> list[RecordChanged]:
    with clinic.chain.work("clinical", system("clinical")) as work:
        rows = work.connection.execute(select(outbox).order_by(outbox.c.seq)).all()
    return [
        RecordChanged.FromString(bytes(row.body))
        for row in rows
        if row.type == "optichain.record.v1.RecordChanged"
    ]


def test_a_prescription_whose_last_day_is_over_is_expired_and_everybody_hears(clinic: Any) -> None:
    over, last_day = clinic.prescription(), clinic.prescription()
    ends_on(clinic, over, clinic.today - timedelta(days=1))
    ends_on(clinic, last_day, clinic.today)

    assert time_passes(clinic) is False

    ended = standing(clinic, over)
    assert (ended.state, ended.void, ended.version) == ("expired", "expired", 1)
    assert standing(clinic, last_day).void == ""
    [change] = told(clinic)
    assert (change.record_id, change.what) == (over.id, pin_pb2.CHANGE_KIND_EXPIRED)
    with clinic.chain.database("clinical").snapshot() as connection:
        by = connection.execute(
            text("SELECT body::jsonb->'change'->>'role' FROM history ORDER BY recorded_at DESC")
        ).scalar()
    assert by == str(SourceKind.SYSTEM)
    assert time_passes(clinic) is False
    assert len(told(clinic)) == 1


def test_the_last_day_is_that_of_the_branch(clinic: Any) -> None:
    over = clinic.prescription()
    ends_on(clinic, over, clinic.today - timedelta(days=1))
    with clinic.chain.work("clinical", system("clinical")) as work:
        commands_visit.keep_branch_zone(work, branch_id=clinic.branch_id, time_zone="Etc/GMT+12")
        is_over_there = (work.at - timedelta(hours=12)).date() > clinic.today - timedelta(days=1)
    time_passes(clinic)
    assert (standing(clinic, over).void == "expired") == is_over_there


def test_workers_at_once_expire_each_prescription_once(clinic: Any) -> None:
    made = [clinic.prescription() for _ in range(6)]
    for one in made:
        ends_on(clinic, one, clinic.today - timedelta(days=3))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _turn: time_passes(clinic), range(3)))
    assert sorted(one.record_id for one in told(clinic)) == sorted(one.id for one in made)


def test_an_expired_prescription_gives_no_lenses_and_says_so(clinic: Any) -> None:
    over = clinic.prescription()
    frame = clinic.frame(over)
    ends_on(clinic, over, clinic.today - timedelta(days=1))
    time_passes(clinic)
    with pytest.raises(Refused) as refused:
        clinic.lens(over, frame)
    assert refused.value.code == "PRESCRIPTION_EXPIRED"


def test_whoever_finishes_on_an_expired_prescription_still_hears_of_a_new_test(
    clinic: Any,
) -> None:
    visit = clinic.visit()
    over = clinic.prescription(visit)
    ends_on(clinic, over, clinic.today - timedelta(days=1))
    time_passes(clinic)

    new = clinic.prescription(visit, supersedes_id=over.id)

    last = told(clinic)[-1]
    assert (last.record_id, last.successor_id) == (over.id, new.id)
    assert standing(clinic, over).void == "superseded"


def test_an_expired_prescription_that_was_wrong_can_still_be_revoked(clinic: Any) -> None:
    over = clinic.prescription(purpose=PrescriptionPurpose.NEAR)
    ends_on(clinic, over, clinic.today - timedelta(days=1))
    time_passes(clinic)
    known = standing(clinic, over)
    revoke = {"reason_code": "RX_CHANGE", "reason": "read from another card"}
    revoked = clinic.run(
        clinic.optometrist,
        commands_prescription.revoke_prescription,
        prescription_id=over.id,
        revision=known.revision,
        **revoke,
    )
    assert revoked.void == "revoked"
    with pytest.raises(Refused) as again:
        clinic.run(
            clinic.optometrist,
            commands_prescription.revoke_prescription,
            prescription_id=over.id,
            revision=revoked.revision,
            **revoke,
        )
    assert again.value.code == "RECORD_VOID"
