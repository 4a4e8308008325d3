"""Brings a service's database, queues and rule data to the present release, one runner at a time.

Tables are made by the owner role; the run-time role gets only what each migration grants. Queues
are declared here, before the first event could be lost.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import structlog
from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, create_engine, make_url, text

from chassis import locks, logs, rules
from chassis.settings import ServiceSettings, load

log = structlog.get_logger()


def all_of(services: list[str]) -> None:
    """Migrate the services one after the other. Raises SettingMissing."""
    logs.set_up("migrate")
    for service in services:
        settings = load(service)
        _database(service, settings)
        _queues(service, settings)
        log.info("migrated", service=service)


def _database(service: str, settings: ServiceSettings) -> None:
    engine = create_engine(settings.migrate_url.get_secret_value())
    app = make_url(settings.database_url.get_secret_value()).username or ""
    with engine.begin() as connection:
        locks.take(connection, "migrate")
        upgrade(connection, app, _package_folder(service).parent / "migrations")
        for package in ("chassis", service):
            rules.load_into(connection, _package_folder(package) / "rules")
    engine.dispose()


def upgrade(connection: Connection, app: str, *folders: Path) -> None:
    """Run the chassis's migrations and those of the folders, granting to the run-time role."""
    chassis = Path(__file__).parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(chassis))
    versions = [chassis / "versions", *folders]
    config.set_main_option("version_locations", "\n".join(str(folder) for folder in versions))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, app=app)
    command.upgrade(config, "heads")


def _package_folder(service: str) -> Path:
    module = importlib.import_module(service)
    return Path(str(module.__file__)).parent


def _queues(service: str, settings: ServiceSettings) -> None:
    from kombu import Connection as Broker

    from chassis import amqp

    module: Any = importlib.import_module(f"{service}.worker")
    with Broker(settings.amqp_url.get_secret_value(), connect_timeout=5) as broker:
        channel = broker.channel()
        amqp.exchange_of(service)(channel).declare()
        dead = amqp.dead_queue_of(service)(channel)
        dead.declare()
        for publisher, event in amqp.subscriptions_of(module.WORKER):
            amqp.subscription_queue(service, publisher, event)(channel).declare()


def run(*statements: str) -> None:
    """Execute statements of a migration; `:app` stands for the run-time role."""
    app = _quoted(context.config.attributes["app"])
    for statement in statements:
        op.execute(text(statement.replace(":app", app).replace("::", "\\:\\:")))


def grant(rights: str, *tables: str) -> None:
    """Grant the run-time role rights on tables; written for each table, so that none is granted by
    accident."""
    for table in tables:
        run(f"GRANT {rights} ON {table} TO :app")


def _quoted(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'
