"""RabbitMQ on this machine: carries the facts (prescription signed, frame set aside, lens cut)
from the service that knows them to those who must hear."""

import os
import shutil
import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from local_platform.errors import PartMissing
from local_platform.ports import Ports
from local_platform.probes import accepts, greets
from local_platform.processes import Process
from local_platform.supervisor import Supervisor

USER = "optichain"
"""The broker's only user."""

# The package's wrapper in sbin changes user and ignores the folders given; these scripts do not.
_SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
)
_MISSING = (
    "{} is not installed: install the operating system's package "
    "(apt-get install rabbitmq-server), or point OPTICHAIN_AMQP_URL at a running server (amqp://user:password@host:5672/)"
)


class RabbitMQ:
    """The broker of the operating system's package as a node of its own, with its own epmd."""

    name = "rabbitmq"
    listeners: tuple[str, ...] = ("amqp", "amqp_nodes", "epmd")

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        password: str,
        label: str,
        supervisor: Supervisor,
        script: str | None = None,
    ) -> None:
        """Keep data in `folder`; `label` makes the node's name unique and must stay the same for
        a folder, because RabbitMQ files its data under the node's name. `script` is the server's
        start script where it is not in a usual place."""
        self._scripts = (script,) if script else _SCRIPTS
        self._folder, self._ports, self._password = folder, ports, password
        self._node, self._supervisor = f"optichain-{label}@localhost", supervisor

    @property
    def url(self) -> str:
        """The AMQP URL with user, password and the virtual host `/`."""
        return f"amqp://{USER}:{self._password}@{self._ports.address('amqp')}//"

    def start(self) -> None:
        """Write the configuration and start epmd and the broker."""
        script, epmd = _installed_script(self._scripts), _installed_epmd()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write("rabbitmq.conf", self._configuration())
        self._write("enabled_plugins", "[].\n")
        self._write("rabbitmq-env.conf", "")
        self._supervisor.start(self._epmd_process(epmd))
        self._supervisor.wait_ready("epmd", timeout_seconds=10)
        self._supervisor.start(self._broker_process(script))

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the broker greets a client; raise NotReady after `timeout_seconds`."""
        self._supervisor.wait_ready(self.name, timeout_seconds)

    def stop(self) -> None:
        """Stop the broker, then epmd; durable queues keep their messages."""
        self._supervisor.stop(self.name)
        self._supervisor.stop("epmd")

    def _write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.touch(mode=0o600)
        file.write_text(text)

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.1 = {self._ports.address('amqp')}",
                f"default_user = {USER}",
                f"default_pass = {self._password}",
                "log.console = true",
                "log.console.level = warning",
                "log.file = false",
                "log.connection.level = error",  # our own greeting is no news
                "vm_memory_high_watermark.absolute = 1GB",
                "disk_free_limit.absolute = 50MB",
                # The default of 512 MB is for a server; this is how much a quorum queue's log may
                # hold in memory.
                "raft.wal_max_size_bytes = 33554432",
                "",
            )
        )

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(folder),  # the Erlang cookie is made here
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_PORT": str(self._ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(self._ports["amqp_nodes"]),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 2:2 +SDcpu 1:1 -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            # Our own epmd, in the foreground: one that Erlang starts outlives the broker.
            "ERL_AFLAGS": "-start_epmd false",
            "ERL_EPMD_PORT": str(self._ports["epmd"]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Makes the script become the broker instead of its parent, so that signals reach it.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _epmd_process(self, epmd: str) -> Process:
        port = self._ports["epmd"]
        return Process(
            name="epmd",
            role="part",
            argv=(epmd, "-port", str(port), "-address", "127.0.0.1"),
            environment=self._environment(),
            says_ready=False,
            answers=partial(accepts, "127.0.0.1", port),
            folder=self._folder,
        )

    def _broker_process(self, script: str) -> Process:
        return Process(
            name=self.name,
            role="part",
            argv=(script,),
            environment=self._environment(),
            says_ready=False,
            answers=partial(greets, "127.0.0.1", self._ports["amqp"]),
            folder=self._folder,
            # Asked, not killed, when the launcher dies: RabbitMQ 3.10 writes the name of a new
            # quorum queue half a second late (rabbitmq/ra#443), and without it the queue is lost.
            orphan_signal=signal.SIGTERM,
        )


def _installed_script(scripts: Iterable[str]) -> str:
    for script in scripts:
        if Path(script).exists():
            return script
    raise PartMissing(_MISSING.format("RabbitMQ"))


def _installed_epmd() -> str:
    epmd = shutil.which("epmd") or next(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"), None)
    if epmd is None:
        raise PartMissing(_MISSING.format("Erlang (epmd)"))
    return str(epmd)
