"""What api and worker have in common when they start and stop."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from chassis import logs, telemetry
from chassis.db import Database
from chassis.facts import FactBook
from chassis.records.issues import issue_kind
from chassis.records.reviews import review_kind
from chassis.settings import ServiceSettings, load


def start(service: str, role: str) -> ServiceSettings:
    """Read the settings and start logs and telemetry. Raises SettingMissing."""
    settings = load(service)
    process = f"{service}.{role}"
    logs.set_up(process, settings.log_level)
    telemetry.set_up(
        process, directory=settings.telemetry_dir, otlp_endpoint=settings.otlp_endpoint
    )
    return settings


def declare_shared_kinds(service: str) -> None:
    """Declare the kinds of record that every service has."""
    review_kind(service)
    issue_kind(service)


def database_of(service: str, settings: ServiceSettings) -> Database:
    """Return the service's database with its facts and, where it keeps people, its seal."""
    events: Any = importlib.import_module(f"optichain.{service}.v1.events_pb2")
    shared: Any = importlib.import_module("optichain.record.v1.events_pb2")
    declare_shared_kinds(service)
    keeps_people = find_spec(f"{service}.seal") is not None
    seal: Any = importlib.import_module(f"{service}.seal").seal(settings) if keeps_people else None
    return Database(
        settings.database_url.get_secret_value(),
        pool=settings.threads,
        facts=FactBook(events, shared),
        seal=seal,
    )


def finish(database: Database) -> None:
    """Close the database and send the last spans."""
    database.close()
    telemetry.shut_down()
