"""Nothing goes on from an old assumption: pins, gates, history, and what the database forbids."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from chassis.actor import Actor, Scope
from chassis.errors import Outdated, Unavailable
from chassis.ids import as_uuid
from chassis.records import holdings, known_versions, queries, reviewing
from chassis.records.book import NothingChanged, RecordVoid
from chassis.records.kinds import MoveForbidden
from chassis.records.known_versions import PinOutdated
from chassis.records.pins import Pin, StalePins, flat, pin
from chassis.records.tables import handover, history, outbox
from chassis.records.tables import pin as pin_table
from chassis.roles import Role
from local_platform.platform import Platform
from optichain.record.v1 import events_pb2
from upstream import (
    EDGER,
    OPTOMETRIST,
    SHEET,
    WORK,
    Sheet,
    TwoOwners,
    Work,
    change_of,
    make_database,
)


@pytest.fixture(scope="module")
def owners(parts: Platform) -> Iterator[TwoOwners]:
    """Two services with their own databases, in the room the tests have on the server."""
    admin_url = parts.part_url("postgres")
    url = admin_url.replace("postgresql://", "postgresql+psycopg://")
    room = urlsplit(parts.environment["LABJOB_DATABASE_URL"]).path[1:].removesuffix("labjob")
    made = TwoOwners(make_database(url, f"{room}upstream"), make_database(url, f"{room}downstream"))
    yield made
    made.upstream.close()
    made.downstream.close()


def test_a_stale_pin_stops_the_gate_with_both_versions_the_fields_and_the_reason(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, power=-225)

    with pytest.raises(StalePins) as refused:
        owners.start(work.id)

    (stale,) = refused.value.stale
    assert (stale.pin.settled_version, stale.live_version) == (1, 2)
    assert [(f.field, f.old_value, f.new_value) for f in stale.change.fields] == [
        ("power", "-200", "-225")
    ]
    assert (stale.change.reason_code, stale.change.changed_by) == ("RX_CHANGE", OPTOMETRIST.id)


def test_a_superseded_record_stops_the_gate_with_what_differs_in_its_successor(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    new = owners.supersede(sheet.id, power=-225, note="nobody relied on this")
    owners.amend(new.id, power=-250)

    with pytest.raises(StalePins) as refused:
        owners.start(work.id)

    (stale,) = refused.value.stale
    assert (stale.change.what, stale.change.successor_id) == ("superseded", new.id)
    assert (stale.live_version, stale.successor_version) == (1, 2)
    assert [(f.field, f.old_value, f.new_value) for f in stale.change.fields] == [
        ("power", "-200", "-250")
    ]


def test_an_amendment_of_a_field_nobody_relied_on_settles_by_itself(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, note="seen again on Monday")

    owners.start(work.id)

    with owners.downstream.snapshot() as connection:
        row = connection.execute(
            select(pin_table).where(pin_table.c.holder_id == as_uuid(work.id))
        ).one()
    assert (row.relied_version, row.settled_version, row.settled_by) == (1, 2, "system")


def test_what_was_begun_in_time_is_finished_after_the_time_and_nothing_new_is_begun(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    begun = owners.release(sheet, "power", may_expire=True)
    waiting = owners.release(sheet, "power")
    owners.expire(sheet.id)

    owners.start(begun.id)
    with owners.downstream.work(EDGER) as work:
        # What is recorded of the begun work stands on the same sheet.
        second = work.records.add(WORK, Work(), relies_on=[pin(work.records.get(WORK, begun.id))])
    assert [one.may_expire for one in pins_of(owners, second.id)] == [False, True]
    assert not owners.reviews_of(begun)
    (asked,) = owners.reviews_of(waiting)
    assert asked.content.what == "expired"
    with pytest.raises(PinOutdated):
        owners.release(sheet, "power")


def test_who_judged_the_expiry_and_went_on_hears_when_the_record_is_revoked_after_that(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    waiting = owners.release(sheet, "power")
    owners.expire(sheet.id)
    with owners.downstream.work(EDGER) as work:
        holdings.settle_judged(work.connection, waiting.id, sheet.id, 1, is_void=True, by=EDGER.id)
        for asked in owners.reviews_of(waiting):
            reviewing.close(work.records, asked, reason_code="SETTLED")
    owners.start(waiting.id)

    owners.revoke(sheet.id)
    with pytest.raises(StalePins) as refused:
        owners.start(waiting.id)
    assert refused.value.stale[0].change.what == "revoked"


def test_what_was_begun_in_time_stops_when_the_record_is_revoked_after_its_time(
    owners: TwoOwners,
) -> None:
    sheet = owners.sign(-200)
    begun = owners.release(sheet, "power", may_expire=True)
    owners.expire(sheet.id)
    owners.revoke(sheet.id)

    with pytest.raises(StalePins) as refused:
        owners.start(begun.id)
    assert refused.value.stale[0].change.what == "revoked"


def test_two_pins_on_one_record_join_at_the_stricter_one() -> None:
    begun = Pin(record_id="sht_a", kind="k", relied_version=1, settled_version=1, may_expire=True)
    (joined,) = flat([begun, replace(begun, may_expire=False)])
    assert not joined.may_expire


def pins_of(owners: TwoOwners, holder_id: str) -> list[Pin]:
    """The pins of a holder, what it pins itself first."""
    with owners.downstream.snapshot() as connection:
        return sorted(holdings.pins_of(connection, holder_id), key=lambda one: one.may_expire)


def test_a_later_change_is_seen_even_behind_one_that_did_not_matter(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.amend(sheet.id, note="first")
    owners.amend(sheet.id, power=-175)

    with pytest.raises(StalePins) as refused:
        owners.start(work.id)
    assert refused.value.stale[0].change.version == 3


def test_a_revoked_record_stops_everyone_whatever_they_relied_on(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    work = owners.release(sheet, "power")
    owners.revoke(sheet.id)

    with pytest.raises(StalePins) as refused:
        owners.start(work.id)
    assert refused.value.stale[0].change.what == "revoked"
    with pytest.raises(RecordVoid):
        owners.amend(sheet.id, power=0)


def test_an_owner_that_cannot_be_asked_stops_the_gate_too(owners: TwoOwners) -> None:
    work = owners.release(owners.sign(-200))
    owners.upstream_is_away = True
    try:
        with pytest.raises(Unavailable):
            owners.start(work.id)
    finally:
        owners.upstream_is_away = False
    assert owners.start(work.id).state == "started"


def test_a_holder_passes_at_most_one_gate_after_a_committed_change(owners: TwoOwners) -> None:
    """Many adversarial runs: two people press start while the sheet is being amended."""
    for run in range(40):
        sheet = owners.sign(-200)
        work = owners.release(sheet)
        amended = threading.Event()
        passed_after: list[str] = []

        def press(
            work_id: str = work.id,
            amended: threading.Event = amended,
            passed_after: list[str] = passed_after,
        ) -> None:
            for _ in range(6):
                before = amended.is_set()
                try:
                    owners.start(work_id)
                except (StalePins, Outdated):
                    continue
                if before:
                    passed_after.append(work_id)

        def change(sheet_id: str = sheet.id, amended: threading.Event = amended) -> None:
            owners.amend(sheet_id, power=-300)
            amended.set()

        threads = [threading.Thread(target=press) for _ in range(2)]
        threads.append(threading.Thread(target=change))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(passed_after) <= 1, f"run {run}: passed {len(passed_after)} gates"


def test_of_two_who_were_answered_before_a_change_only_one_passes_after_it(
    owners: TwoOwners,
) -> None:
    """The schedule that a gate which loads after asking would let through."""
    sheet = owners.sign(-200)
    work = owners.release(sheet)
    passed: list[object] = []
    owners.once_asked = [
        lambda: passed.append(owners.start(work.id)),
        lambda: owners.amend(sheet.id, power=-300),
    ]

    with pytest.raises(StalePins):
        owners.start(work.id)
    assert len(passed) == 1


def test_whichever_comes_second_sees_the_other(owners: TwoOwners) -> None:
    """Relying on a sheet races with hearing of its change: never a holder without being found."""
    for _run in range(60):
        sheet = owners.sign(-200)
        owners.amend(sheet.id, power=-225)
        holders: list[str] = []
        found: list[str] = []

        def rely(holders: list[str] = holders, old: object = sheet) -> None:
            try:
                holders.append(owners.release(old).id)  # type: ignore[arg-type]  # a sheet
            except PinOutdated:
                return

        def hear(found: list[str] = found, sheet_id: str = sheet.id) -> None:
            with owners.downstream.work(EDGER) as work:
                known_versions.hear(work.connection, change_of(sheet_id, 2, "power"))
                rows = work.connection.execute(
                    select(pin_table.c.holder_id).where(pin_table.c.record_id == sheet_id)
                )
                found.extend(str(row.holder_id) for row in rows)

        threads = [threading.Thread(target=rely), threading.Thread(target=hear)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [str(as_uuid(one)) for one in holders] == found


@pytest.mark.parametrize("was_known", [False, True])
def test_a_change_heard_while_somebody_begins_to_rely_is_waited_for_and_seen(
    owners: TwoOwners, was_known: bool
) -> None:
    """Also where the service has never heard of the record, and its row is made by the other."""
    sheet = owners.sign(-200)
    if was_known:
        owners.release(sheet)
    refused: list[PinOutdated] = []

    def rely() -> None:
        try:
            owners.release(sheet)
        except PinOutdated as error:
            refused.append(error)

    relying = threading.Thread(target=rely)
    with owners.downstream.work(EDGER) as work:
        known_versions.hear(work.connection, change_of(sheet.id, 2, "power"))
        relying.start()
        relying.join(0.5)
        assert relying.is_alive()  # it waits for what was heard to be committed
    relying.join()
    assert len(refused) == 1


@pytest.mark.parametrize(
    ("heard", "relied_on", "settled"),
    [
        ({2: ["note"], 3: ["note"]}, ["power"], 3),
        ({2: ["note"], 3: ["power"]}, ["power"], None),
        ({3: ["note"]}, ["power"], None),  # nobody knows yet what the second version changed
        ({2: ["note"]}, [], None),  # relied on as a whole
    ],
)
def test_what_was_heard_to_touch_nothing_relied_on_stops_nobody_who_begins_to_rely(
    owners: TwoOwners, heard: dict[int, list[str]], relied_on: list[str], settled: int | None
) -> None:
    sheet = owners.sign(-200)
    with owners.downstream.work(EDGER) as work:
        for version, fields in heard.items():
            known_versions.hear(work.connection, change_of(sheet.id, version, *fields))

    if settled is None:
        with pytest.raises(PinOutdated):
            owners.release(sheet, *relied_on)
        return
    made = owners.release(sheet, *relied_on)
    with owners.downstream.snapshot() as connection:
        (held,) = holdings.pins_of(connection, made.id)
    assert (held.relied_version, held.settled_version, held.settled_by) == (1, settled, "system")


def test_pinning_a_record_copies_what_it_stands_on(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    first = owners.release(sheet, "power")
    with owners.downstream.work(EDGER) as work:
        second = work.records.add(WORK, Work(), relies_on=[pin(work.records.get(WORK, first.id))])
    with owners.downstream.snapshot() as connection:
        held = connection.execute(
            select(pin_table.c.record_id).where(pin_table.c.holder_id == as_uuid(second.id))
        ).scalars()
        assert set(held) == {sheet.id, first.id}


def test_a_record_is_answered_with_the_pins_of_the_same_moment(owners: TwoOwners) -> None:
    """Who copies the pins of what it read must not copy those of a later or earlier revision."""
    work = owners.release(owners.sign(-200))
    stands_on = {name: owners.sign(-200) for name in ("left", "right")}
    ended = threading.Event()

    def change_over() -> None:
        for turn in range(150):
            name = ("left", "right")[turn % 2]
            with owners.downstream.work(EDGER) as unit:
                held = unit.records.get(WORK, work.id)
                relies_on = [pin(stands_on[name])]
                verb = "accept" if held.state == "released" else "start"
                unit.records.move(held, verb, station=name, relies_on=relies_on)
        ended.set()

    changing = threading.Thread(target=change_over)
    changing.start()
    seen: list[tuple[str, str]] = []
    with owners.downstream.snapshot() as connection:
        while not ended.is_set():
            found = queries.standing(connection, work.id)
            if found.envelope.content.station:
                seen += [(found.envelope.content.station, one.record_id) for one in found.pins]
    changing.join()
    assert set(seen) == {(name, sheet.id) for name, sheet in stands_on.items()}


def test_two_writers_of_one_revision_cannot_both_win(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def amend(power: int) -> None:
        try:
            with owners.upstream.work(OPTOMETRIST) as work:
                seen = work.records.get(SHEET, sheet.id)
                gate.wait()
                work.records.amend(seen, reason_code="R", reason="r", power=power)
            outcomes.append("written")
        except Outdated:
            outcomes.append("outdated")

    threads = [threading.Thread(target=amend, args=(power,)) for power in (-225, -250)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["outdated", "written"]


def test_a_revision_that_the_caller_saw_does_not_stand_for_the_one_a_gate_has_loaded(
    owners: TwoOwners,
) -> None:
    work = owners.release(owners.sign(-200))
    with owners.downstream.work(EDGER) as unit:
        unit.records.note(unit.records.get(WORK, work.id), eta="tomorrow")

    with owners.downstream.work(EDGER, expected={work.id: 1}) as unit, pytest.raises(Outdated):
        unit.records.get(WORK, work.id, revision=2)


def test_history_keeps_every_value_and_chains_its_hashes(owners: TwoOwners) -> None:
    sheet = owners.sign(-200)
    owners.amend(sheet.id, power=-225)
    owners.amend(sheet.id, power=-250, note="second look")

    with owners.upstream.snapshot() as connection:
        rows = connection.execute(
            select(history)
            .where(history.c.record_id == as_uuid(sheet.id))
            .order_by(history.c.revision)
        ).all()
    previous = b""
    for row in rows:
        assert bytes(row.previous) == previous
        previous = hashlib.sha256(previous + row.body.encode()).digest()
        assert bytes(row.hash) == previous
    bodies = [msgspec.json.decode(row.body) for row in rows]
    assert [body["open"]["content"]["power"] for body in bodies] == [-200, -225, -250]
    assert bodies[2]["change"]["fields"] == ["note", "power"]


def test_others_hear_the_names_of_changed_fields_and_never_their_values(owners: TwoOwners) -> None:
    sheet = owners.sign(-20025)
    owners.amend(sheet.id, power=-20050)

    with owners.upstream.snapshot() as connection:
        row = connection.execute(select(outbox).where(outbox.c.aggregate_id == sheet.id)).one()
    event = events_pb2.RecordChanged.FromString(bytes(row.body))
    assert (event.record_id, event.version, list(event.fields)) == (sheet.id, 2, ["power"])
    assert b"20050" not in bytes(row.body)


@pytest.mark.parametrize(
    "forbidden",
    [
        "UPDATE history SET body = ''",
        "DELETE FROM history",
        "TRUNCATE history",
        "SELECT * FROM history FOR UPDATE",
        "DELETE FROM record",
        "DELETE FROM handover",
        "UPDATE handover SET given_by = 'x'",
        "UPDATE refusal SET gate = ''",
    ],
)
def test_the_run_time_role_cannot_touch_the_past(owners: TwoOwners, forbidden: str) -> None:
    with (
        owners.upstream.engine.connect() as connection,
        pytest.raises(ProgrammingError, match="permission denied"),
    ):
        connection.execute(text(forbidden))


def test_nothing_cascades_into_the_past(owners: TwoOwners) -> None:
    with owners.upstream.engine.connect() as connection:
        cascading = connection.execute(
            text("SELECT conname FROM pg_constraint WHERE confdeltype = 'c'")
        ).all()
    assert cascading == []


def test_a_change_of_the_responsible_role_is_a_handover_that_is_taken_up(
    owners: TwoOwners,
) -> None:
    with owners.upstream.work(OPTOMETRIST) as work:
        sheet = work.records.add(SHEET, Sheet(power=0), responsible_role=Role.LAB_TECHNICIAN)
    with owners.upstream.work(EDGER) as work:
        work.records.add(WORK, Work(), relies_on=[pin(work.records.get(SHEET, sheet.id))])

    with owners.upstream.snapshot() as connection:
        row = connection.execute(
            select(handover).where(handover.c.record_id == as_uuid(sheet.id))
        ).one()
    assert (row.from_role, row.to_role) == ("optometrist", "lab_technician")
    assert row.accepted_by == EDGER.id
    assert row.accepted_at >= row.given_at


def test_a_handover_is_taken_up_by_whoever_has_the_role_among_others(owners: TwoOwners) -> None:
    with owners.upstream.work(OPTOMETRIST) as work:
        sheet = work.records.add(SHEET, Sheet(power=0), responsible_role=Role.LAB_TECHNICIAN)
    also_qc = replace(EDGER, role=Role.QC_INSPECTOR, roles=frozenset({EDGER.role}))
    with owners.upstream.work(also_qc) as work:
        work.records.note(work.records.get(SHEET, sheet.id))

    with owners.upstream.snapshot() as connection:
        by = connection.execute(
            select(handover.c.accepted_by).where(handover.c.record_id == as_uuid(sheet.id))
        ).scalar_one()
    assert by == also_qc.id


@pytest.mark.parametrize("end", ["revoke", "given on by another role"])
def test_what_nobody_took_up_waits_no_more_once_it_is_void_or_given_on(
    owners: TwoOwners, end: str
) -> None:
    with owners.upstream.work(OPTOMETRIST) as work:
        sheet = work.records.add(SHEET, Sheet(power=0), responsible_role=Role.LAB_TECHNICIAN)
    technician = replace(
        EDGER,
        roles=frozenset({EDGER.role}),
        branch_id=OPTOMETRIST.branch_id,
        scope=Scope.OWN_BRANCH,
    )
    assert sheet.id in _waiting(owners, technician)

    if end == "revoke":
        owners.revoke(sheet.id)
    else:
        with owners.upstream.work(OPTOMETRIST) as work:
            seen = work.records.get(SHEET, sheet.id)
            work.records.amend(
                seen,
                reason_code="R",
                reason="r",
                power=25,
                responsible_role=Role.OPTICIAN,
            )
    assert sheet.id not in _waiting(owners, technician)


def _waiting(owners: TwoOwners, actor: Actor) -> set[str]:
    with owners.upstream.snapshot() as connection:
        page = queries.waiting(connection, actor, page_size=200, page_token="")
    return {one.record_id for one in page.rows}


def test_a_forbidden_move_and_an_empty_amendment_are_refused_and_leave_nothing(
    owners: TwoOwners,
) -> None:
    work = owners.release(owners.sign(-200))
    with pytest.raises(MoveForbidden), owners.downstream.work(EDGER) as unit:
        unit.records.move(unit.records.get(WORK, work.id), "accept")
    sheet = owners.sign(-200)
    with pytest.raises(NothingChanged):
        owners.amend(sheet.id, power=-200)
    with owners.upstream.snapshot() as connection:
        rows = connection.execute(
            select(history).where(history.c.record_id == as_uuid(sheet.id))
        ).all()
    assert len(rows) == 1
