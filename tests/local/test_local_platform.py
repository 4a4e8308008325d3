"""The real parts start together, keep what they are given, and leave nothing behind."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import kombu
import psutil
import psycopg
import pytest
from minio import Minio

from local_platform.errors import NotReady, PartMissing, PlatformError
from local_platform.parts.elsewhere import Elsewhere
from local_platform.platform import Platform
from local_platform.ports import Ports
from local_platform.processes import Plan
from staging import Launcher, eventually, running_for, stand_in_plan

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"  # kombu leaves closing its sockets to the collector
)
FACTS = kombu.Queue("facts", durable=True, queue_arguments={"x-queue-type": "quorum"})


def nothing(_names: object, _ports: object, _environment: object) -> Plan:
    """Plan a run of parts alone."""
    return Plan(None, ())


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform") / "var"


@pytest.fixture(scope="module", autouse=True)
def _own_parts() -> Iterator[None]:
    """Forget parts that the environment names: these tests start their own."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("ADMIN_DATABASE_URL", "AMQP_URL", "S3_URL"):
            patch.delenv(f"OPTICHAIN_{variable}", raising=False)
        yield


@pytest.fixture(scope="module")
def platform(var: Path) -> Iterator[Platform]:
    plan = stand_in_plan(var / "diary")
    only = ("clinical", "labjob", "gateway")
    with Platform(var=var, ports=Ports.free(), fast=True, only=only, plan=plan) as platform:
        yield platform


@pytest.fixture(scope="module")
def management_url(platform: Platform, var: Path) -> str:
    """The management API of the platform's broker, which a broker of ours has no need of."""
    told = psutil.Process(platform.pid("rabbitmq")).environ()
    port = Ports.free()["amqp"]
    listener = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    listen = f"application:set_env(rabbitmq_management, tcp_config, {listener})."
    for words in (
        ("rabbitmqctl", "eval", listen),
        ("rabbitmq-plugins", "enable", "rabbitmq_management"),
    ):
        program = str(Path("/usr/lib/rabbitmq/bin") / words[0])
        subprocess.run((program, *words[1:]), env=told, check=True, capture_output=True)
    return f"http://127.0.0.1:{port}"


def everything_on(platform: Platform) -> dict[str, list[object]]:
    """Return which databases, logins with their passwords, virtual hosts and buckets there are."""
    told = psutil.Process(platform.pid("rabbitmq")).environ()
    with psycopg.connect(platform.part_url("postgres")) as administrator:
        found = {
            what: administrator.execute(asked).fetchall()
            for what, asked in (
                ("databases", "SELECT datname FROM pg_database ORDER BY 1"),
                ("logins", "SELECT rolname, rolpassword FROM pg_authid ORDER BY 1"),
            )
        }
    listing = ("/usr/lib/rabbitmq/bin/rabbitmqctl", "-q", "list_vhosts")
    hosts = subprocess.run(listing, env=told, check=True, capture_output=True, text=True)
    store, _bucket = store_of(platform.part_url("object_store"))
    buckets = sorted(bucket.name for bucket in store.list_buckets())
    return {**found, "virtual hosts": sorted(hosts.stdout.split()), "buckets": buckets}


def bare(url: str) -> str:
    """Return a URL as psycopg takes it, without the name of the driver."""
    return url.replace("+psycopg", "")


def store_of(url: str) -> tuple[Minio, str]:
    parts = urlsplit(url)
    address = f"{parts.hostname}:{parts.port}"
    return Minio(
        address, access_key=parts.username, secret_key=parts.password, secure=False
    ), parts.path.strip("/")


def test_the_owner_makes_tables_and_the_run_time_role_may_only_connect(platform: Platform) -> None:
    migrate = bare(platform.environment["CLINICAL_MIGRATE_URL"])
    run_time = bare(platform.environment["CLINICAL_DATABASE_URL"])
    with psycopg.connect(migrate) as owner:
        owner.execute("CREATE TABLE visit (visit_id uuid PRIMARY KEY, note text)")
        owner.execute("CREATE INDEX ON visit USING gin (note gin_trgm_ops)")
        owner.execute("CREATE INDEX ON visit USING gist (visit_id)")  # needs btree_gist

    with psycopg.connect(run_time, autocommit=True) as app:
        for forbidden in (
            "SELECT * FROM visit",
            "CREATE TABLE own (id int)",
            "CREATE TEMPORARY TABLE own (id int)",
            "CREATE DATABASE own",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)


def test_no_service_can_open_the_database_of_another(platform: Platform) -> None:
    clinical = bare(platform.environment["CLINICAL_DATABASE_URL"])

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(re.sub("/clinical$", "/labjob", clinical))


def test_everything_listens_on_loopback_only(platform: Platform, var: Path) -> None:
    listening = [
        (ip_address(connection.laddr.ip), process.cmdline())
        for process in psutil.Process().children(recursive=True)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) >= 14  # ten of the store, three of the broker, the database
    # grpc listens on sockets of both families and shows 127.0.0.1 as a mapped address.
    strangers = [
        program
        for address, program in listening
        if not (getattr(address, "ipv4_mapped", None) or address).is_loopback
    ]
    assert strangers == []


def test_the_database_log_repeats_no_value_of_a_refused_statement(
    platform: Platform, var: Path
) -> None:
    migrate = bare(platform.environment["LABJOB_MIGRATE_URL"])
    with psycopg.connect(migrate, autocommit=True) as owner:
        owner.execute("CREATE TABLE tray (phone text UNIQUE)")
        for _ in range(2):
            try:
                owner.execute("INSERT INTO tray VALUES ('13800138000')")
            except psycopg.errors.UniqueViolation as error:
                refused = str(error)

    assert "13800138000" in refused
    assert "13800138000" not in (var / "logs" / "postgres.log").read_text()


def test_a_killed_service_comes_back_and_a_restart_gives_it_a_new_life(platform: Platform) -> None:
    lives = [platform.pid("labjob-api")]

    platform.kill("labjob-api")
    platform.wait_ready("labjob-api")
    lives.append(platform.pid("labjob-api"))
    platform.restart("labjob-api")
    lives.append(platform.pid("labjob-api"))

    assert len(set(lives)) == 3
    with pytest.raises(PlatformError, match="no process of this run is called laboratory"):
        platform.kill("laboratory")


def test_a_part_can_be_taken_away_and_given_back(platform: Platform) -> None:
    url = platform.environment["OPTICHAIN_S3_URL"]
    store, bucket = store_of(url)
    store.put_object(bucket, "scan", io.BytesIO(b"rim"), 3)

    platform.stop_part("object_store")
    assert platform.pid("object_store") is None
    platform.start_part("object_store")

    assert store.get_object(bucket, "scan").read() == b"rim"


@pytest.fixture
def given(platform: Platform, management_url: str, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The running platform, whose servers the environment names as others' to use."""
    monkeypatch.setenv("OPTICHAIN_ADMIN_DATABASE_URL", platform.part_url("postgres"))
    monkeypatch.setenv("OPTICHAIN_AMQP_URL", platform.part_url("rabbitmq"))
    monkeypatch.setenv("OPTICHAIN_S3_URL", platform.part_url("object_store"))
    monkeypatch.setenv("OPTICHAIN_AMQP_MANAGEMENT_URL", management_url)
    return platform


def test_a_run_on_servers_that_run_already_starts_and_stops_none_of_them(
    given: Platform, tmp_path: Path
) -> None:
    seen: dict[str, str] = {}

    def plan(names: object, ports: object, environment: object) -> Plan:
        assert isinstance(environment, dict)
        seen.update(environment)
        return nothing(names, ports, environment)

    for _ in range(2):  # what is there already is kept
        with Platform(var=tmp_path, ports=Ports.free(), only=["billing"], plan=plan) as second:
            with psycopg.connect(bare(second.environment["BILLING_DATABASE_URL"])) as app:
                name = app.execute("SELECT current_database(), current_user").fetchone()
            assert name == ("billing", "billing_app")
            assert second.given == ["postgres", "rabbitmq", "object_store"]
            assert running_for(tmp_path) == []
            with pytest.raises(PlatformError, match="not ours to stop"):
                second.stop_part("rabbitmq")
    assert "OPTICHAIN_ADMIN_DATABASE_URL" not in seen
    assert seen["OPTICHAIN_AMQP_URL"] == given.part_url("rabbitmq")


def test_a_passing_run_leaves_the_tables_passwords_queues_and_objects_of_others_alone(
    given: Platform, tmp_path: Path
) -> None:
    keep_something(given.environment)
    before = everything_on(given)

    with Platform(
        var=tmp_path, ports=Ports.free(), only=["labjob"], passing=True, plan=nothing
    ) as passing:
        theirs = passing.environment
        with psycopg.connect(bare(theirs["LABJOB_MIGRATE_URL"])) as owner:
            owner.execute("CREATE TABLE ticket ()")  # none stands in this database yet
        keep_message(theirs["OPTICHAIN_AMQP_URL"], "LabJobCancelled")
        store, bucket = store_of(theirs["OPTICHAIN_S3_URL"])
        store.put_object(bucket, "trace", io.BytesIO(b"bridge"), 6)
        assert everything_on(given) != before

    assert everything_on(given) == before
    assert kept(given.environment) == ("OD -2.25", b"rim", "LabJobReleased")


def test_without_a_management_api_a_passing_run_says_what_to_do(
    given: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://{Ports.free().address('amqp')}"
    monkeypatch.setenv("OPTICHAIN_AMQP_MANAGEMENT_URL", nowhere)
    before = everything_on(given)

    with pytest.raises(PlatformError, match=r"a virtual host of its own.*rabbitmq_management"):
        Platform(var=tmp_path, ports=Ports.free(), only=[], passing=True, plan=nothing).start()
    assert everything_on(given) == before


def test_a_part_named_by_the_environment_that_does_not_answer_is_named_without_its_password() -> (
    None
):
    url = f"amqp://somebody:secret@{Ports.free().address('amqp')}/"
    part = Elsewhere("rabbitmq", "OPTICHAIN_AMQP_URL", url, 5672)

    with pytest.raises(NotReady, match="OPTICHAIN_AMQP_URL: nothing answers") as refusal:
        part.wait_ready(timeout_seconds=0.3)
    assert "secret" not in str(refusal.value)


def test_a_missing_broker_is_named_with_the_way_out_and_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTICHAIN_RABBITMQ_SERVER", "/nowhere/rabbitmq-server")
    platform = Platform(var=tmp_path, ports=Ports.free(), fast=True, only=[])

    with pytest.raises(PartMissing, match=r"apt-get install rabbitmq-server.*OPTICHAIN_AMQP_URL"):
        platform.start()
    assert running_for(tmp_path) == []


def test_a_taken_port_ends_the_run_with_one_line(tmp_path: Path) -> None:
    ports = Ports.free()
    chosen = {f"OPTICHAIN_{name.upper()}_PORT": str(port) for name, port in ports.numbers.items()}
    command = (sys.executable, "-m", "local_platform", "run", "--var", str(tmp_path / "var"))
    with socket.create_server(("127.0.0.1", ports["epmd"])):
        run = subprocess.run(
            command, env={**os.environ, **chosen}, capture_output=True, text=True, timeout=30
        )

    assert run.returncode == 1
    assert run.stderr == ""
    assert run.stdout.strip().splitlines() == [
        f"stopped: port {ports['epmd']} (epmd) is taken by another program: "
        "stop that, or set OPTICHAIN_EPMD_PORT to a free port"
    ]
    assert running_for(tmp_path) == []


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path / "var")
    yield launcher
    launcher.end()


def test_a_start_that_is_interrupted_leaves_nothing_running(launcher: Launcher) -> None:
    launcher.start(until="postgres is ready")  # the broker boots for seconds more

    launcher.signal(signal.SIGTERM)

    assert launcher.wait() == 130
    assert eventually(lambda: running_for(launcher.var) == [], seconds=2)


def test_what_was_kept_outlives_a_killed_launcher_and_nothing_else_does(launcher: Launcher) -> None:
    var = launcher.var
    var.mkdir()
    (var / "logins.json").write_text(
        '[{"name": "optician@shop-1", "role": "optician", "branch": "S1", "password": "glass"}]'
    )
    launcher.start()
    keep_something(launcher.environment())
    assert len(running_for(var)) > 10

    launcher.signal(signal.SIGKILL)
    assert launcher.wait() == -signal.SIGKILL
    assert eventually(lambda: running_for(var) == [], seconds=20)

    shown = launcher.start()
    assert f"Optichain serves at {launcher.environment()['GATEWAY_URL']}" in shown
    assert re.search(r"optician@shop-1.*optician.*S1.*glass", shown)
    assert "/api/docs" in shown
    assert kept(launcher.environment()) == ("OD -2.25", b"rim", "LabJobReleased")

    launcher.signal(signal.SIGINT)
    assert launcher.wait() == 0
    assert running_for(var) == []
    assert (var / "diary").read_text().split() == [
        *("migrate", "migrate"),
        *("gateway", "labjob-worker", "labjob-api"),
    ]


def test_a_process_that_dies_five_times_in_a_minute_ends_the_whole_run(launcher: Launcher) -> None:
    launcher.start()

    for _ in range(5):
        launcher.kill("labjob-worker")

    assert launcher.wait() == 1
    assert launcher.last_line().startswith(
        "stopped: labjob-worker was ended by SIGKILL, its death number 5 within a minute"
    )
    assert running_for(launcher.var) == []


def test_a_disk_that_is_full_when_the_sample_chain_is_kept_is_one_line(launcher: Launcher) -> None:
    launcher.start("full", until="gateway is ready")

    assert launcher.wait() == 1
    assert launcher.last_line() == (
        f"stopped: [Errno 28] No space left on device: '{launcher.var / 'logins.json'}'"
    )
    assert running_for(launcher.var) == []


def keep_something(environment: dict[str, str]) -> None:
    """Leave a row, an object and a message in a durable queue."""
    with psycopg.connect(bare(environment["LABJOB_MIGRATE_URL"])) as database:
        database.execute("CREATE TABLE ticket AS SELECT 'OD -2.25' AS power")
    store, bucket = store_of(environment["OPTICHAIN_S3_URL"])
    store.put_object(bucket, "trace", io.BytesIO(b"rim"), 3)
    keep_message(environment["OPTICHAIN_AMQP_URL"], "LabJobReleased")


def keep_message(amqp_url: str, fact: str) -> None:
    """Leave a message in a durable queue."""
    confirmed = kombu.Connection(amqp_url, transport_options={"confirm_publish": True})
    with confirmed as broker, broker.channel() as channel:
        FACTS(channel).declare()
        with kombu.Producer(channel) as producer:
            producer.publish(fact, routing_key="facts", delivery_mode=2)


def kept(environment: dict[str, str]) -> tuple[object, bytes, object]:
    """Return what `keep_something` left."""
    with psycopg.connect(bare(environment["LABJOB_MIGRATE_URL"])) as database:
        (power,) = database.execute("SELECT power FROM ticket").fetchone() or ("lost",)
    store, bucket = store_of(environment["OPTICHAIN_S3_URL"])
    rim = store.get_object(bucket, "trace").read()
    with kombu.Connection(environment["OPTICHAIN_AMQP_URL"]) as broker, broker.channel() as channel:
        message = FACTS(channel).get(no_ack=True)
    return power, rim, message.payload if message else "lost"
