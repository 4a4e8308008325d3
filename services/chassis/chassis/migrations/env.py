"""Alembic's entrance: the connection is given by `chassis.migrate`, inside its one transaction."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], transaction_per_migration=False
)
context.run_migrations()
