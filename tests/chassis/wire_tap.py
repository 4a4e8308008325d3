"""A line between a worker and the broker that a test can make deaf: what the worker says then is
kept back, and what the broker says still arrives."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class WireTap:
    """Listens on a free loopback port and passes everything on to `target`, a loopback port."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lets_through = threading.Event()
        self._lets_through.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_back(self) -> None:
        """Keep back from now on what workers say."""
        self._lets_through.clear()

    def let_through(self) -> None:
        """Pass everything on again; what a worker said that has died meanwhile is lost."""
        self._lets_through.set()

    def close(self) -> None:
        """Accept no further line."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                worker, _address = self._listening.accept()
                threading.Thread(target=self._connect, args=(worker,), daemon=True).start()

    def _connect(self, worker: socket.socket) -> None:
        try:
            broker = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            worker.close()
            return
        threading.Thread(target=self._pass_on, args=(broker, worker), daemon=True).start()
        self._pass_on(worker, broker, held_back=True)

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, *, held_back: bool = False
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                while held_back and not self._lets_through.wait(0.02):
                    data += _more(source)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def _more(source: socket.socket) -> bytes:
    """Return what has come meanwhile; raises ConnectionError when the sender is gone."""
    try:
        more = source.recv(65536, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
    if not more:
        raise ConnectionError
    return more
