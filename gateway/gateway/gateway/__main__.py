"""Opens the door: `python -m gateway`. A missing setting or a taken port is one clear line."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from typing import cast

import uvicorn

from chassis import logs, memory, telemetry
from chassis.errors import SettingMissing
from chassis.settings import load
from gateway.app import make_app
from gateway.edge import log
from gateway.settings import Settings


class _Server(uvicorn.Server):
    """Says when it serves, as every process of the chain does."""

    listen = ""
    before_stop: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            log.info("ready", listen=self.listen)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.before_stop()  # else it would wait for streams that never end
        await super().shutdown(sockets)


def server_of(settings: Settings) -> uvicorn.Server:
    """Return a server of the application; it is given the socket to serve on."""
    app = make_app(settings)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    server = _Server(config)
    server.listen = settings.listen
    server.before_stop = app.before_stop
    return server


def bound(listen: str) -> socket.socket:
    """Return a socket that listens there. Raises OSError when it is taken."""
    host, _, port = listen.rpartition(":")
    kind = socket.SOCK_STREAM
    family, *_, address = socket.getaddrinfo(host.strip("[]"), int(port), type=kind)[0]
    # The protocol is named so that asyncio sends without Nagle's delay, which costs 40 ms here.
    door = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
    except OSError as error:
        door.close()
        raise OSError(error.errno, f"{listen} cannot be listened on: {error.strerror}") from error
    return door


def main() -> int:
    """Serve until told to stop; return the exit code."""
    try:
        settings = cast(Settings, load("gateway"))
        door = bound(settings.listen)
    except SettingMissing as missing:
        print(f"cannot start: {missing}", file=sys.stderr)  # noqa: T201  # before logs exist
        return 3
    except OSError as problem:
        print(f"cannot start: {problem}", file=sys.stderr)  # noqa: T201  # before logs exist
        return 4
    logs.set_up("gateway", settings.log_level)
    telemetry.set_up(
        "gateway", directory=settings.telemetry_dir, otlp_endpoint=settings.otlp_endpoint
    )
    # The server raises the signal it was stopped by again once it has stopped: by then it is done.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with door:
        server = server_of(settings)
        memory.settle()
        server.run(sockets=[door])
    telemetry.shut_down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
