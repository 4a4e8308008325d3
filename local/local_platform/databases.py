"""One database per service and two roles each, made from one administrator's URL: nobody reads
another service's records, and the run-time role cannot change the tables."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local_platform.errors import PlatformError
from local_platform.safe import Safe

_EXTENSIONS = ("pg_trgm", "btree_gist")
_DROP_DATABASE, _DROP_ROLE = "DROP DATABASE {} WITH (FORCE)", "DROP ROLE {}"


@dataclass(frozen=True)
class DatabaseUrls:
    """Where a service finds its database, in SQLAlchemy's form (`postgresql+psycopg://...`):
    `run_time` for api and worker, `migrate` for the owner of the tables."""

    run_time: str
    migrate: str


def create_databases(
    admin_url: str, services: Iterable[str], safe: Safe, prefix: str = ""
) -> dict[str, DatabaseUrls]:
    """Make, for each service, the database `<prefix><service>` and the roles `..._owner`, which
    owns it, and `..._app`, which may connect and nothing else; return the URLs by service.

    What exists already is kept; passwords are set to those in `safe`. Raises PlatformError when
    the prefix is not made of small letters, digits and `_`, or the administrator is refused
    or may not do it.
    """
    if not re.fullmatch(r"[a-z0-9_]{0,30}", prefix):
        raise PlatformError("database prefix: small letters, digits and _ only, at most 30")
    services = tuple(services)
    with ThreadPoolExecutor(max_workers=4) as hands:
        made = hands.map(lambda service: _create(admin_url, prefix + service, safe), services)
        try:
            return dict(zip(services, made, strict=True))
        except psycopg.Error as error:
            first_line = str(error).strip().splitlines()[0]
            raise PlatformError(f"the databases cannot be made: {first_line}") from error


def drop_databases(admin_url: str, prefix: str) -> None:
    """Drop every database and role whose name begins with `prefix`, whoever is still connected.

    Raises psycopg.Error.
    """
    if not prefix:
        raise PlatformError("database prefix: without one every database would be dropped")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for listed, statement in (
            ("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", _DROP_DATABASE),
            ("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", _DROP_ROLE),
        ):
            for (name,) in connection.execute(listed, [prefix]).fetchall():
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def _create(admin_url: str, name: str, safe: Safe) -> DatabaseUrls:
    owner, app = f"{name}_owner", f"{name}_app"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        # Two runs that start at once must not make the same role twice.
        connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        for role in (owner, app):
            _keep_role(connection, role, safe.password(f"database {role}"))
        _keep_database(connection, name, owner, app)
        with psycopg.connect(_at(admin_url, name), autocommit=True) as inside:
            for extension in _EXTENSIONS:
                inside.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )
    return DatabaseUrls(_url(admin_url, name, app, safe), _url(admin_url, name, owner, safe))


def _keep_role(connection: psycopg.Connection, role: str, password: str) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER" if exists else "CREATE")
    statement = sql.SQL("{} ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
    connection.execute(statement.format(verb, sql.Identifier(role), sql.Literal(password)))


def _keep_database(connection: psycopg.Connection, name: str, owner: str, app: str) -> None:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
    database, roles = sql.Identifier(name), {"owner": sql.Identifier(owner)}
    verb = "ALTER DATABASE {} OWNER TO {owner}" if found else "CREATE DATABASE {} OWNER {owner}"
    connection.execute(sql.SQL(verb).format(database, **roles))
    for statement in (
        "REVOKE ALL ON DATABASE {} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {} TO {app}",
    ):
        connection.execute(sql.SQL(statement).format(database, app=sql.Identifier(app)))


def _at(admin_url: str, database: str) -> str:
    return urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}"))


def _url(admin_url: str, database: str, role: str, safe: Safe) -> str:
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{role}:{safe.password(f'database {role}')}@{place}"
    scheme = "postgresql+psycopg"
    return urlunsplit(parts._replace(scheme=scheme, netloc=login, path=f"/{database}"))
