"""Which parts a run starts here, and which it finds elsewhere because the environment says so."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from local_platform.parts import Part
from local_platform.parts.elsewhere import Elsewhere
from local_platform.parts.object_store import ObjectStore
from local_platform.parts.postgres import Postgres
from local_platform.parts.rabbitmq import RabbitMQ
from local_platform.parts.rooms import Bucket, Databases, Room, VirtualHost
from local_platform.ports import Ports
from local_platform.safe import Safe
from local_platform.supervisor import Supervisor

# Part, the variable that points elsewhere, the port its protocol usually has.
_ELSEWHERE = (
    ("postgres", "OPTICHAIN_ADMIN_DATABASE_URL", 5432),
    ("rabbitmq", "OPTICHAIN_AMQP_URL", 5672),
    ("object_store", "OPTICHAIN_S3_URL", 80),
)


def choose_parts(
    var: Path,
    ports: Ports,
    safe: Safe,
    supervisor: Supervisor,
    environment: Mapping[str, str],
    *,
    fast: bool = False,
    rooms: str = "",
) -> dict[str, Part]:
    """Return the three parts by name: `postgres`, `rabbitmq`, `object_store`. With `rooms` what
    runs elsewhere is used in rooms of that name only, which go when the run leaves."""
    made = _rooms(rooms, environment) if rooms else {}
    parts: dict[str, Part] = {
        name: Elsewhere(name, variable, environment[variable], usual_port, made.get(name))
        for name, variable, usual_port in _ELSEWHERE
        if environment.get(variable)
    }
    if "postgres" not in parts:
        password = safe.password("postgres")
        parts["postgres"] = Postgres(
            var / "postgres", ports["postgres"], password, supervisor, fast=fast
        )
    if "rabbitmq" not in parts:
        password, label = safe.password("rabbitmq"), safe.label("rabbitmq node")
        script = environment.get("OPTICHAIN_RABBITMQ_SERVER")
        folder = var / "rabbitmq"
        parts["rabbitmq"] = RabbitMQ(folder, ports, password, label, supervisor, script)
    if "object_store" not in parts:
        key, secret = safe.password("s3 access key"), safe.password("s3 secret key")
        parts["object_store"] = ObjectStore(var / "objects", ports, key, secret, supervisor)
    return parts


def _rooms(name: str, environment: Mapping[str, str]) -> dict[str, Callable[[str], Room]]:
    management = environment.get("OPTICHAIN_AMQP_MANAGEMENT_URL", "")
    return {
        "postgres": partial(Databases, name=name),
        "rabbitmq": partial(VirtualHost, name=name, management_url=management),
        "object_store": partial(Bucket, name=name),
    }
