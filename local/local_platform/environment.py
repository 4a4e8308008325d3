"""Everything a process of the chain is told by its environment: where its database, the broker,
the store and the other services are, and which secrets are its own."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from local_platform.databases import DatabaseUrls, create_databases
from local_platform.parts.choice import choose_parts
from local_platform.ports import SERVICES, Ports
from local_platform.safe import Safe
from local_platform.supervisor import Supervisor

FIRST_LOGIN = "head.office"
"""The first administrator of a chain that has nobody yet."""


def environment(
    *,
    ports: Ports,
    safe: Safe,
    databases: Mapping[str, DatabaseUrls],
    amqp_url: str,
    s3_url: str,
    var: Path,
) -> dict[str, str]:
    """Return the variables of a run: those every process needs, and five or six per service
    (`LABJOB_LISTEN` ...); the two database URLs only for services in `databases`."""
    secrets = {name: safe.password(f"service {name}") for name in (*SERVICES, "gateway")}
    variables = {
        "OPTICHAIN_AMQP_URL": amqp_url,
        "OPTICHAIN_S3_URL": s3_url,
        "OPTICHAIN_TELEMETRY_DIR": str(var / "telemetry"),
        "OPTICHAIN_DATA_KEY": safe.key("data key"),
        "ORGANISATION_FIRST_LOGIN": FIRST_LOGIN,
        "ORGANISATION_FIRST_PASSWORD": safe.password("first administrator"),
        "ORGANISATION_SERVICE_SECRETS": json.dumps(secrets, sort_keys=True),
        "GATEWAY_LISTEN": ports.address("gateway"),
        "GATEWAY_SECRET": secrets["gateway"],
        "GATEWAY_URL": f"http://{ports.address('gateway')}",
        "PYTHONUNBUFFERED": "1",
    }
    for service in SERVICES:
        name = service.upper()
        variables[f"{name}_LISTEN"] = variables[f"{name}_ADDRESS"] = ports.address(service)
        variables[f"{name}_SECRET"] = secrets[service]
        if service in databases:
            variables[f"{name}_DATABASE_URL"] = databases[service].run_time
            variables[f"{name}_MIGRATE_URL"] = databases[service].migrate
    return variables


def environment_of_running(var: Path) -> dict[str, str]:
    """Return the variables of the run that holds a folder, on the standard ports, from what is kept
    there. Raises PlatformError."""
    ports, safe = Ports.standard(), Safe(var / "secrets.json")
    supervisor = Supervisor(var / "logs", lambda line: None)
    try:
        parts = choose_parts(var, ports, safe, supervisor, os.environ)
        return environment(
            ports=ports,
            safe=safe,
            databases=create_databases(parts["postgres"].url, SERVICES, safe),
            amqp_url=parts["rabbitmq"].url,
            s3_url=parts["object_store"].url,
            var=var,
        )
    finally:
        supervisor.close()
