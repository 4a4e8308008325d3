"""The mark of a drill: on a record when it is made, never afterwards; on what waits for the broker;
and on what was heard, answered and uploaded in it, so that a purge finds it.

Revision ID: chassis_0011
"""

from __future__ import annotations

from chassis.migrate import run

revision = "chassis_0011"
down_revision = "chassis_0010"
branch_labels = None
depends_on = None

_MARKED = ("record", "outbox", "known_version", "known_change", "reply", "evidence")


def upgrade() -> None:
    """Add the mark, and take from the run-time role the right to change it on a record."""
    for table in _MARKED:
        run(f"ALTER TABLE {table} ADD COLUMN drill text NOT NULL DEFAULT ''")
    run("CREATE INDEX record_of_drill ON record (drill) WHERE drill <> ''")
    run(
        "REVOKE UPDATE ON record FROM :app",
        # Every column of this day but the mark, so that no other is forgotten.
        """
        DO $$ BEGIN EXECUTE (
            SELECT 'GRANT UPDATE (' || string_agg(quote_ident(column_name), ', ')
                || ') ON record TO :app'
            FROM information_schema.columns
            WHERE table_schema = current_schema() AND table_name = 'record'
                AND column_name <> 'drill'
        ); END $$
        """,
    )
