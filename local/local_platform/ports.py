"""The doors of one run: which number the gateway, each service and each part listens on, always
on 127.0.0.1."""

import os
import random
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local_platform.errors import PlatformError, PortTaken

SERVICES = (
    "organisation",
    "customer",
    "inventory",
    "clinical",
    "billing",
    "labjob",
    "device_bridge",
)
"""The seven services, in the order their ports and databases are given."""

STANDARD = {
    "gateway": 8080,
    **{service: 8101 + number for number, service in enumerate(SERVICES)},
    "postgres": 8432,
    "amqp": 8672,
    "amqp_nodes": 8673,
    "epmd": 8674,
    "s3": 8333,
    "s3_grpc": 8334,
    "s3_master": 8335,
    "s3_master_grpc": 8336,
    "s3_volume": 8337,
    "s3_volume_grpc": 8338,
    "s3_filer": 8339,
    "s3_filer_grpc": 8340,
    "s3_admin": 8341,
    "s3_admin_grpc": 8342,
}
"""The port of each listener when nothing else is asked for."""

# Below the range the kernel gives to outgoing connections, so that nobody takes the port of a
# process in the moment between its death and its restart.
_FIRST_BLOCK, _PAST_BLOCKS, _BLOCK = 20_000, 32_000, 32


@dataclass(frozen=True)
class Ports:
    """Port numbers by listener name."""

    numbers: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        """Return the port of listener `name`."""
        return self.numbers[name]

    def address(self, name: str) -> str:
        """Return `127.0.0.1:port` of listener `name`."""
        return f"127.0.0.1:{self.numbers[name]}"

    @classmethod
    def standard(cls, environment: Mapping[str, str] = os.environ) -> "Ports":
        """Return the standard ports; `OPTICHAIN_<NAME>_PORT` in the environment overrides one.

        Raises PlatformError when such a variable is no port number from 1 to 65535.
        """
        return cls({name: _chosen(name, usual, environment) for name, usual in STANDARD.items()})

    @classmethod
    def free(cls) -> "Ports":
        """Return ports nobody listens on, which no other run on this machine is given until this
        process ends."""
        starts = list(range(_FIRST_BLOCK, _PAST_BLOCKS, _BLOCK))
        random.shuffle(starts)
        for start in starts:
            numbers = range(start, start + len(STANDARD))
            if _reserve(start) and not any(is_taken(number) for number in numbers):
                return cls(dict(zip(STANDARD, numbers, strict=True)))
        raise PlatformError("no block of free ports is left between 20000 and 32000")

    def check_free(self, names: Iterable[str], patience_seconds: float = 0.0) -> None:
        """Raise PortTaken for the first of `names` whose port is in use, after waiting
        `patience_seconds` for it to become free."""
        deadline = time.monotonic() + patience_seconds
        for name in names:
            while is_taken(self.numbers[name]):
                if time.monotonic() >= deadline:
                    raise PortTaken(
                        f"port {self.numbers[name]} ({name}) is taken by another program: "
                        f"stop that, or set OPTICHAIN_{name.upper()}_PORT to a free port"
                    )
                time.sleep(0.1)


def is_taken(port: int) -> bool:
    """Say whether a program listens on `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _chosen(name: str, usual: int, environment: Mapping[str, str]) -> int:
    variable = f"OPTICHAIN_{name.upper()}_PORT"
    text = environment.get(variable, str(usual))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise PlatformError(f"{variable}: must be a port number from 1 to 65535")
    return int(text)


def _reserve(start: int) -> bool:
    """Take the block of ports at `start` for this process, as far as other runs are concerned."""
    if sys.platform != "linux":
        return True
    # An abstract socket name is a lock that needs no file and ends with the process.
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0optichain-ports-{start}")
    except OSError:
        lock.close()
        return False
    lock.detach()
    return True
