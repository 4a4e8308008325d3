"""What a run is given before anything starts: its doors, its secrets, its folder."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from local_platform.databases import DatabaseUrls
from local_platform.environment import environment
from local_platform.errors import DiskFull, FolderInUse, PlatformError, PortTaken
from local_platform.folder import DataFolder
from local_platform.ports import SERVICES, Ports, is_taken
from local_platform.safe import Safe


def test_the_standard_ports_are_distinct_and_the_environment_overrides_one_of_them() -> None:
    ports = Ports.standard({"OPTICHAIN_LABJOB_PORT": "9106"})

    assert (ports["gateway"], ports["postgres"], ports["labjob"]) == (8080, 8432, 9106)
    assert len(set(Ports.standard({}).numbers.values())) == len(ports.numbers)


@pytest.mark.parametrize("wrong", ["0", "65536", "-1", "80a", "", "٣"])
def test_a_port_that_is_none_is_refused_by_the_name_of_its_variable(wrong: str) -> None:
    with pytest.raises(PlatformError, match="OPTICHAIN_GATEWAY_PORT: must be a port number"):
        Ports.standard({"OPTICHAIN_GATEWAY_PORT": wrong})


def test_runs_that_start_at_once_get_different_free_ports() -> None:
    runs = [Ports.free() for _ in range(20)]

    numbers = [number for run in runs for number in run.numbers.values()]
    assert len(set(numbers)) == len(numbers)
    assert not any(is_taken(number) for number in numbers)


def test_a_taken_port_is_named_with_the_way_out() -> None:
    ports = Ports.free()
    refusal = pytest.raises(PortTaken, match=rf"port {ports['s3']} \(s3\) .* OPTICHAIN_S3_PORT")
    with socket.create_server(("127.0.0.1", ports["s3"])), refusal:
        ports.check_free(("gateway", "s3"))
    ports.check_free(("gateway", "s3"))


def test_secrets_are_random_kept_over_runs_and_readable_by_their_owner_alone(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secrets.json"
    first, other = Safe(file), Safe(tmp_path / "other.json")

    kept = (first.password("postgres"), first.key("data key"), first.label("node"))

    again = Safe(file)
    assert (again.password("postgres"), again.key("data key"), again.label("node")) == kept
    assert other.password("postgres") != kept[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_serves_one_run_at_a_time(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "var"), DataFolder(tmp_path / "var")
    first.take()

    with pytest.raises(FolderInUse, match=rf"in use by another run \(pid {os.getpid()}\)"):
        second.take()
    first.leave()
    second.take()

    assert not second.was_left_in_haste
    second.leave()


def test_a_full_disk_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    more_than_there_is = 2**40

    with pytest.raises(DiskFull, match="MiB are needed"):
        DataFolder(tmp_path / "var").take(least_free_mebibytes=more_than_there_is)
    assert list((tmp_path / "var").iterdir()) == []


def test_every_process_is_told_where_everything_is(tmp_path: Path) -> None:
    ports, safe = Ports.standard({}), Safe(tmp_path / "secrets.json")
    urls = DatabaseUrls(run_time="postgresql+psycopg://app", migrate="postgresql+psycopg://owner")

    told = environment(
        ports=ports,
        safe=safe,
        databases={"device_bridge": urls},
        amqp_url="amqp://broker",
        s3_url="http://store",
        var=tmp_path,
    )

    assert told["DEVICE_BRIDGE_LISTEN"] == told["DEVICE_BRIDGE_ADDRESS"] == "127.0.0.1:8107"
    assert told["DEVICE_BRIDGE_DATABASE_URL"] == urls.run_time
    assert told["DEVICE_BRIDGE_MIGRATE_URL"] == urls.migrate
    assert "LABJOB_DATABASE_URL" not in told
    assert told["GATEWAY_URL"] == "http://127.0.0.1:8080"
    assert told["OPTICHAIN_TELEMETRY_DIR"] == str(tmp_path / "telemetry")
    secrets = json.loads(told["ORGANISATION_SERVICE_SECRETS"])
    assert set(secrets) == {*SERVICES, "gateway"}
    assert secrets["labjob"] == told["LABJOB_SECRET"]
    assert len(set(secrets.values())) == len(secrets)
    assert len(told["OPTICHAIN_DATA_KEY"]) == 44
