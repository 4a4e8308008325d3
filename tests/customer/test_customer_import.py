"""Old customers come in by a file: uploaded, tried dry, taken in by the worker, reported by row."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from chain import Person
from chassis import actor, settings
from chassis.errors import AlreadyThere, Invalid, NotPermitted, Refused
from chassis.records.tables import outbox
from chassis.roles import Role
from counter import Counter
from customer import commands_import
from customer.commands_people import add_person
from customer.import_file import ROWS_IN_CHUNK
from customer.worker import CustomerWorker
from optichain.customer.v1 import customer_service_pb2 as pb
from optichain.customer.v1 import events_pb2, guardian_link_pb2, import_batch_pb2

FILE = """姓名,手机,出生日期,性别,监护人,监护人电话,监护人关系
王芳,138 0013 8000,1988-05-21,女,,,
Zoë van Wijk,139-0000-5678,1990/1/2,F,,,
王小明,,2016-05-01,男,王芳,13800138000,母亲
王 芳,13800138000,1988.5.21,女,,,
李雷,12345,1970-01-01,男,,,
韩梅,13911112222,19921231,女,,,
赵小小,,2017-01-01,女,赵大,13922223333,父亲
赵大,13922223333,1985-03-03,男,,,
""".encode()


@pytest.fixture
def manager(counter: Counter) -> Person:
    return counter.chain.person(Role.BRANCH_MANAGER, branch_id=counter.reception.branch_id)


@pytest.fixture
def worker(counter: Counter) -> CustomerWorker:
    """The worker, driven by hand."""
    driven = CustomerWorker()
    driven.database = counter.chain.database("customer")
    driven.settings = settings.load("customer")
    return driven


def start(counter: Counter, manager: Person, data: bytes, *, dry_run: bool = False) -> str:
    key = counter.upload(data, as_=manager)
    request = pb.StartImportRequest(object_key=key, dry_run=dry_run)
    answer = counter.chain.ask(request, pb.StartImportResponse, as_=manager)
    assert answer.import_batch.envelope.state == "started"
    return answer.import_batch.envelope.id


def work_off(worker: CustomerWorker, *, times: int = 1) -> int:
    """Handle every event of imports as it is told, each so many times; returns how many there
    were."""
    handled = 0
    while True:
        with worker.database.snapshot() as connection:
            rows = connection.execute(outbox.select().order_by(outbox.c.seq)).mappings().all()
        events = [row for row in rows if ".Import" in row["type"]]
        if len(events) == handled:
            return handled
        for row in events[handled:]:
            for _ in range(times):
                _handle(worker, row["type"].rpartition(".")[2], row["body"])
            handled += 1


def _handle(worker: CustomerWorker, name: str, body: bytes) -> None:
    event = getattr(events_pb2, name).FromString(body)
    begins = name == "ImportStarted"
    chunk = worker.first_chunk(event) if begins else worker.next_chunk(event)
    with worker.database.work(actor.system("customer")) as work:
        (worker.begin_import if begins else worker.continue_import)(work, event, chunk)


def batch(counter: Counter, manager: Person, import_id: str) -> import_batch_pb2.ImportBatch:
    request = pb.GetImportRequest(import_id=import_id)
    return counter.chain.ask(request, pb.GetImportResponse, as_=manager).import_batch


def report(
    counter: Counter, manager: Person, import_id: str, **how: int
) -> list[import_batch_pb2.ImportRow]:
    """Return the whole report, read two rows a page."""
    seen: list[import_batch_pb2.ImportRow] = []
    request = pb.ListImportRowsRequest(import_id=import_id, page_size=2, **how)  # type: ignore[arg-type]  # an enum
    while True:
        page = counter.chain.ask(request, pb.ListImportRowsResponse, as_=manager)
        seen += page.rows
        request.page_token = page.next_page_token
        if not request.page_token:
            return seen


def outcomes(rows: list[import_batch_pb2.ImportRow]) -> dict[int, str]:
    name = import_batch_pb2.ImportOutcome.Name
    return {row.line: name(row.outcome).removeprefix("IMPORT_OUTCOME_").lower() for row in rows}


def test_a_dry_run_reports_every_row_and_nobody_goes_in(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    import_id = start(counter, manager, FILE, dry_run=True)
    work_off(worker)

    done = batch(counter, manager, import_id)
    assert (done.envelope.state, done.bytes_done) == ("finished", done.size_bytes)
    counts = (done.rows_done, done.rows_added, done.rows_duplicate, done.rows_refused)
    assert counts == (8, 7, 1, 1)
    assert outcomes(report(counter, manager, import_id)) == {
        2: "added",
        3: "added",
        4: "added",
        5: "added_as_duplicate",
        6: "refused",
        7: "added",
        8: "added",
        9: "added",
    }
    assert counter.found("王") == []
    assert not any(row.customer_id for row in report(counter, manager, import_id))


def test_a_file_goes_in_row_by_row_and_a_bad_row_is_reported_with_line_and_reason(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    import_id = start(counter, manager, FILE)
    work_off(worker)

    rows = {row.line: row for row in report(counter, manager, import_id)}
    assert outcomes(list(rows.values())) == {
        2: "added",
        3: "added",
        4: "added",
        5: "added_as_duplicate",
        6: "refused",
        7: "added",
        8: "added",
        9: "completed",
    }
    assert (rows[6].field, rows[6].reason) == ("phone", "INVALID")
    assert "12345" not in rows[6].text
    assert rows[5].duplicate_of_id == rows[2].customer_id
    refused = report(counter, manager, import_id, outcome=import_batch_pb2.IMPORT_OUTCOME_REFUSED)
    assert [row.line for row in refused] == [6]
    assert counter.found("5678") == ["Zoë van Wijk"]


def test_an_imported_minor_has_the_guardian_the_row_names_whichever_row_came_first(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    import_id = start(counter, manager, FILE)
    work_off(worker)

    rows = {row.line: row.customer_id for row in report(counter, manager, import_id)}
    (link,) = counter.person(rows[4]).guardians
    assert link.guardian_id == rows[2]
    assert link.relationship == guardian_link_pb2.RELATIONSHIP_MOTHER
    (later,) = counter.person(rows[8]).guardians
    assert later.guardian_id == rows[9]
    father = counter.person(rows[9])
    assert (father.person.birthday, len(father.duplicates)) == ("1985-03-03", 0)
    source = father.person.envelope.source.detail
    assert source == f"{import_id} line 8 guardian"
    assert father.person.envelope.branch_id == manager.branch_id


def test_a_long_file_goes_in_by_chunks_and_an_event_told_twice_adds_nobody_twice(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    count = 2 * ROWS_IN_CHUNK + 7
    lines = [f"王{number:05d},1390000{number:04d}" for number in range(count)]
    import_id = start(counter, manager, "\r\n".join(["name,phone", *lines]).encode())

    assert work_off(worker, times=2) == 3

    done = batch(counter, manager, import_id)
    assert (done.rows_done, done.rows_added, done.rows_duplicate) == (count, count, 0)
    rows = report(counter, manager, import_id)
    assert [row.line for row in rows] == list(range(2, count + 2))
    assert len({row.customer_id for row in rows}) == count


def test_progress_is_seen_while_a_file_goes_in(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    lines = [f"王{number:05d}" for number in range(ROWS_IN_CHUNK + 1)]
    import_id = start(counter, manager, "\n".join(["name", *lines]).encode())
    with worker.database.snapshot() as connection:
        row = connection.execute(outbox.select()).mappings().one()
    _handle(worker, "ImportStarted", row["body"])

    half = batch(counter, manager, import_id)
    assert (half.envelope.state, half.rows_done) == ("started", ROWS_IN_CHUNK)
    assert 0 < half.bytes_done < half.size_bytes


def test_a_file_goes_in_once_but_may_be_tried_dry_and_again_after_it_failed(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    start(counter, manager, FILE, dry_run=True)
    start(counter, manager, FILE)
    with pytest.raises(AlreadyThere) as refused:
        start(counter, manager, FILE)
    assert refused.value.code == "FILE_IMPORTED"

    unreadable = "王芳,13800138000\n".encode()
    failed = start(counter, manager, unreadable)
    work_off(worker)
    done = batch(counter, manager, failed)
    assert (done.envelope.state, done.failure) == ("failed", "HEADER_UNKNOWN")
    assert done.failure_text == "unknown title of column 1, 2"
    start(counter, manager, unreadable)


def test_a_row_over_which_the_taking_in_fails_keeps_out_no_other(
    counter: Counter, manager: Person, worker: CustomerWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(work: object, content: commands_import.Person, **more: object) -> object:
        if content.phone_e164.endswith("5678"):
            raise ZeroDivisionError("a defect of ours")
        return add_person(work, content, **more)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(commands_import, "add_person", failing)
    import_id = start(counter, manager, FILE)
    with pytest.raises(ZeroDivisionError):
        work_off(worker)
    assert batch(counter, manager, import_id).rows_done == 0
    work_off(worker)

    done = batch(counter, manager, import_id)
    assert (done.envelope.state, done.rows_done, done.rows_refused) == ("finished", 8, 2)
    (row,) = [row for row in report(counter, manager, import_id) if row.line == 3]
    assert (row.outcome, row.reason) == (import_batch_pb2.IMPORT_OUTCOME_REFUSED, "ROW_FAILED")
    assert "Zoë" not in row.text
    assert counter.found("赵大") == ["赵大"]


def test_an_import_that_does_not_go_on_is_ended_and_its_file_goes_in_with_each_row_once(
    counter: Counter, manager: Person, worker: CustomerWorker
) -> None:
    rows = [f"Person {n},1390000{n:04},1990-01-01" for n in range(ROWS_IN_CHUNK + 5)]
    file = "\n".join(["name,phone,birthday", *rows]).encode()
    import_id = start(counter, manager, file)
    _first_chunk_of(worker)
    half = batch(counter, manager, import_id)
    assert (half.envelope.state, half.rows_done) == ("started", ROWS_IN_CHUNK)

    request = pb.EndImportRequest(
        import_id=import_id, revision=half.envelope.revision, reason="stands still since Monday"
    )
    other = counter.chain.person(Role.BRANCH_MANAGER)
    with pytest.raises(NotPermitted) as elsewhere:
        counter.chain.ask(request, pb.EndImportResponse, as_=other)
    assert elsewhere.value.code == "WRONG_BRANCH"
    ended = counter.chain.ask(request, pb.EndImportResponse, as_=manager).import_batch
    assert (ended.envelope.state, ended.failure) == ("failed", "ENDED_BY_HAND")
    request.revision = ended.envelope.revision
    with pytest.raises(Refused) as twice:
        counter.chain.ask(request, pb.EndImportResponse, as_=manager)
    assert twice.value.code == "MOVE_FORBIDDEN"

    again = start(counter, manager, file)
    work_off(worker)
    assert batch(counter, manager, import_id).rows_done == ROWS_IN_CHUNK
    done = batch(counter, manager, again)
    counts = (done.rows_done, done.rows_added, done.rows_duplicate, done.rows_refused)
    assert (done.envelope.state, counts) == ("finished", (ROWS_IN_CHUNK + 5, 5, 0, 0))
    before = import_batch_pb2.IMPORT_OUTCOME_IN_BEFORE
    known = report(counter, manager, again, outcome=before)
    assert len(known) == ROWS_IN_CHUNK
    assert all(row.customer_id for row in known)


def _first_chunk_of(worker: CustomerWorker) -> None:
    with worker.database.snapshot() as connection:
        rows = connection.execute(outbox.select().order_by(outbox.c.seq)).mappings().all()
    _handle(worker, "ImportStarted", next(r["body"] for r in rows if ".Import" in r["type"]))


def test_only_a_confirmed_csv_is_imported(counter: Counter, manager: Person) -> None:
    picture = counter.upload(b"\x89PNG", as_=manager, media_type="image/png")
    with pytest.raises(Invalid):
        counter.chain.ask(
            pb.StartImportRequest(object_key=picture), pb.StartImportResponse, as_=manager
        )
    with pytest.raises(Refused) as refused:
        counter.chain.ask(
            pb.StartImportRequest(object_key="customer/import/obj_x"),
            pb.StartImportResponse,
            as_=manager,
        )
    assert refused.value.code == "EVIDENCE_UNCONFIRMED"


def test_an_import_is_seen_at_its_own_branch_by_those_who_may(
    counter: Counter, manager: Person
) -> None:
    import_id = start(counter, manager, FILE, dry_run=True)

    with pytest.raises(NotPermitted) as elsewhere:
        batch(counter, counter.chain.person(Role.BRANCH_MANAGER), import_id)
    assert elsewhere.value.code == "WRONG_BRANCH"
    with pytest.raises(NotPermitted) as rows:
        report(counter, counter.chain.person(Role.HEAD_OFFICE), import_id)
    assert rows.value.code == "WRONG_BRANCH"
    with pytest.raises(NotPermitted) as role:
        batch(counter, counter.reception, import_id)
    assert role.value.code == "ROLE_NOT_PERMITTED"


@pytest.fixture
def running_worker(counter: Counter) -> Iterator[None]:
    """The worker of customer as a process of its own, on the real broker."""
    command = [sys.executable, "-m", "chassis", "worker", "customer"]
    with subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL) as process:
        yield
        process.terminate()


@pytest.mark.usefixtures("running_worker")
def test_the_worker_takes_a_file_in_by_itself(counter: Counter, manager: Person) -> None:
    lines = [f"王{number:05d},1390000{number:04d}" for number in range(ROWS_IN_CHUNK + 5)]
    import_id = start(counter, manager, "\n".join(["name,phone", *lines]).encode())

    ends = time.monotonic() + 60
    done = batch(counter, manager, import_id)
    while done.envelope.state == "started" and time.monotonic() < ends:
        time.sleep(0.2)
        done = batch(counter, manager, import_id)

    assert (done.envelope.state, done.rows_added) == ("finished", ROWS_IN_CHUNK + 5)
    assert counter.found("王00104") == ["王00104"]
