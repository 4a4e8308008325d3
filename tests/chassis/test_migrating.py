"""A release brings the tables with it: however many processes bring them at once, and each change
of them under a number of its own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from contract import ROOT
from listener_api import chassis, database_of
from local_platform.platform import Platform

CHASSIS = ROOT / "services/chassis/chassis/migrations/versions"
FOLDERS = [
    CHASSIS,
    *sorted(ROOT.glob("services/*/migrations")),
    *sorted(ROOT.glob("gateway/*/migrations")),
]
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def empty_inventory(parts: Platform) -> Iterator[dict[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="optichain-migrating-") as folder,
        database_of("inventory", parts.part_url("postgres"), Path(folder)) as environment,
    ):
        yield environment


def test_processes_that_migrate_one_empty_database_at_once_all_end_well_and_it_stands_once(
    empty_inventory: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "migrate.log"
    with log.open("ab") as out:
        running = [chassis(empty_inventory, "migrate", "inventory", log=out) for _ in range(3)]
        codes = [one.wait(120) for one in running]

    assert codes == [0, 0, 0], log.read_text()
    owner = create_engine(empty_inventory["INVENTORY_MIGRATE_URL"])
    with owner.connect() as connection:
        heads = set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
        tables = connection.execute(text(TABLES)).scalar_one()
    owner.dispose()
    assert heads == {last_of(CHASSIS), last_of(ROOT / "services/inventory/migrations")}
    assert tables > 20


def numbers_of(folder: Path) -> list[int]:
    return sorted(int(file.name[:4]) for file in folder.glob("[0-9]*.py"))


def last_of(folder: Path) -> str:
    """Return the revision of the last migration of a folder."""
    last = max(folder.glob("[0-9]*.py"))
    (revision,) = re.findall(r'^revision = "(\w+)"$', last.read_text(), re.MULTILINE)
    return str(revision)


def test_every_service_has_migrations() -> None:
    assert len(FOLDERS) == 1 + 7


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).parts[1])
def test_migrations_are_numbered_from_one_without_a_gap_or_a_double(folder: Path) -> None:
    numbers = numbers_of(folder)
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).parts[1])
def test_a_migration_is_called_like_its_file_and_follows_the_one_before(folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(CHASSIS.parent))
    config.set_main_option("version_locations", "\n".join({str(CHASSIS), str(folder)}))
    config.set_main_option("path_separator", "newline")
    scripts = [
        script
        for script in ScriptDirectory.from_config(config).walk_revisions()
        if Path(script.path).parent == folder
    ]
    by_file = {Path(script.path).name[:4]: script for script in scripts}
    owner = last_of(folder).rpartition("_")[0]
    assert {number: script.revision for number, script in by_file.items()} == {
        number: f"{owner}_{number}" for number in by_file
    }
    before = {
        number: script.down_revision for number, script in by_file.items() if number != "0001"
    }
    assert before == {number: f"{owner}_{int(number) - 1:04}" for number in before}
