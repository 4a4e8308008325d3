"""The floor under an order: as many rows in as many transactions by bare psycopg, in the same run.

Rows are as long as a history row and go into a table indexed like it, so the figure says what the
database alone asks for; everything above it is ours.
"""

from __future__ import annotations

import hashlib
import time
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from local_platform.platform import Platform
from local_platform.ports import SERVICES

_BODY_CHARACTERS = 1_200
_TOLD_SECONDS = 11.0
"""PostgreSQL's connections tell their counts after ten idle seconds at the latest."""


def databases_of(run: Platform) -> list[str]:
    """Return the names of the services' databases in this run."""
    urls = [run.environment[f"{service.upper()}_DATABASE_URL"] for service in SERVICES]
    return [urlsplit(url).path.strip("/") for url in urls]


def written(admin_url: str, databases: list[str]) -> int:
    """Return the rows written in these databases until now; first every connection to them is left
    idle for so long that it has told the server what it wrote."""
    time.sleep(_TOLD_SECONDS)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        row = connection.execute(
            """
            SELECT sum(tup_inserted + tup_updated + tup_deleted)
            FROM pg_stat_database WHERE datname = ANY(%s)
            """,
            (databases,),
        ).fetchone()
    return int(row[0]) if row else 0


def measure(owner_url: str, rows: int, transactions: int, orders: int) -> dict[str, float]:
    """Write one order's rows in one order's transactions, many times; returns what one took."""
    with psycopg.connect(owner_url.replace("+psycopg", "")) as connection:
        connection.execute(
            """
            CREATE TABLE IF NOT EXISTS bench_floor (
                record_id uuid NOT NULL, revision integer NOT NULL, body text NOT NULL,
                hash bytea NOT NULL, PRIMARY KEY (record_id, revision)
            )
            """
        )
        connection.commit()
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(orders):
            _one_order(connection, rows, transactions)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return {
        "rows_per_order": rows,
        "transactions_per_order": transactions,
        "ms_per_order": round(seconds / orders * 1000, 1),
        "client_cpu_ms_per_order": round(cpu_seconds / orders * 1000, 1),
    }


def _one_order(
    connection: psycopg.Connection[tuple[object, ...]], rows: int, transactions: int
) -> None:
    body = "x" * _BODY_CHARACTERS
    head = hashlib.sha256(body.encode()).digest()
    for number in range(transactions):
        share = rows // transactions + (1 if number < rows % transactions else 0)
        with connection.cursor() as cursor:
            for _ in range(share):
                cursor.execute(
                    "INSERT INTO bench_floor VALUES (%s, 1, %s, %s)", (uuid4(), body, head)
                )
        connection.commit()
