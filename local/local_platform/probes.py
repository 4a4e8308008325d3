"""How the launcher asks a process whether it can already be used, without a client library."""

import http.client
import socket
from urllib.parse import urlsplit


def accepts(host: str, port: int) -> bool:
    """Say whether something at `host`:`port` accepts a TCP connection within a second."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def greets(host: str, port: int) -> bool:
    """Say whether an AMQP 0-9-1 broker at `host`:`port` answers the protocol header with a method
    frame (its Connection.Start)."""
    try:
        with socket.create_connection((host, port), timeout=1) as line:
            line.settimeout(2)
            line.sendall(b"AMQP\x00\x00\x09\x01")
            return line.recv(1) == b"\x01"
    except OSError:
        return False


def answers_http(url: str) -> bool:
    """Say whether GET `url` is answered with 200 within two seconds."""
    # http.client and not urllib: a proxy set in the environment has no business on loopback.
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
