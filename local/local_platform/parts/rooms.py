"""Rooms of its own for a passing run (tests, demo, bench) on servers that run already: nothing of
the chain that works there is read, changed or emptied, and the room is gone when the run ends."""

import base64
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg

from local_platform.databases import drop_databases
from local_platform.errors import PlatformError
from local_platform.parts.object_store import drop_bucket, make_bucket

_USUAL_MANAGEMENT_PORT = 15672
_SECONDS = 10
_GONE = (http.client.NO_CONTENT, http.client.NOT_FOUND)
_THERE = (http.client.CREATED, http.client.NO_CONTENT)


class Room(Protocol):
    """What a passing run has to itself on somebody else's server."""

    url: str
    """How the run reaches the room."""

    def make(self) -> None:
        """Make the room; PlatformError when the server does not allow it."""
        ...

    def remove(self) -> None:
        """Take the room away with all that is in it; PlatformError when that fails."""
        ...


class Databases:
    """The databases and roles whose names begin with the run's own name."""

    def __init__(self, admin_url: str, name: str) -> None:
        """Name the room; the databases in it are made by `databases.create_databases`."""
        self.url, self._prefix = admin_url, database_prefix(name)

    def make(self) -> None:
        """Do nothing: the prefix is the room."""

    def remove(self) -> None:
        """Drop what was made under the prefix."""
        try:
            drop_databases(self.url, self._prefix)
        except psycopg.Error as error:
            first_line = str(error).strip().splitlines()[0]
            raise PlatformError(
                f"the databases {self._prefix}... cannot be dropped: {first_line}"
            ) from error


class Bucket:
    """A bucket beside the one of the URL."""

    def __init__(self, url: str, name: str) -> None:
        """Name the bucket as the run is named."""
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

    def make(self) -> None:
        """Make the bucket."""
        make_bucket(self.url)

    def remove(self) -> None:
        """Remove it with its objects."""
        drop_bucket(self.url)


class VirtualHost:
    """A virtual host of the broker, which only its management API can make: AMQP has no word for
    it."""

    def __init__(self, url: str, name: str, management_url: str = "") -> None:
        """Name the virtual host as the run is named; `management_url` where the API does not
        answer at port 15672 of the broker's host."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        self.url = urlunsplit(parts._replace(path=f"/{name}"))
        self._name, self._user = name, unquote(parts.username or "guest")
        self._password = unquote(parts.password or "guest")
        self._management = management_url or f"http://{host}:{_USUAL_MANAGEMENT_PORT}"

    def make(self) -> None:
        """Make the virtual host and let the URL's user into it."""
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self._ask("PUT", f"vhosts/{self._name}", {})
        self._ask("PUT", f"permissions/{self._name}/{quote(self._user, safe='')}", everything)

    def remove(self) -> None:
        """Remove it with its queues."""
        self._ask("DELETE", f"vhosts/{self._name}", None)

    def _ask(self, method: str, place: str, body: object) -> None:
        with self._opened() as connection:
            login = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
            sent = None if body is None else json.dumps(body)
            connection.request(method, f"/api/{place}", sent, headers)
            status = connection.getresponse().status
        if status not in (_GONE if method == "DELETE" else _THERE):
            raise PlatformError(
                f"the broker's management API at {self._management} refused {method} {place} "
                f"with status {status}"
            )

    @contextmanager
    def _opened(self) -> Iterator[http.client.HTTPConnection]:
        # http.client and not urllib: a proxy set in the environment has no business here.
        parts = urlsplit(self._management)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
        try:
            yield connection
        except (OSError, http.client.HTTPException) as error:
            raise PlatformError(
                "OPTICHAIN_AMQP_URL: this run needs a virtual host of its own there, and no "
                f"management API answers at {self._management}: enable the plugin "
                "rabbitmq_management, say where it is in OPTICHAIN_AMQP_MANAGEMENT_URL, or unset "
                "OPTICHAIN_AMQP_URL so that a broker is started here"
            ) from error
        finally:
            connection.close()


def database_prefix(name: str) -> str:
    """Return how the databases and roles of the run called `name` begin."""
    return name.replace("-", "_") + "_"
