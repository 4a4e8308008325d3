"""Whose identity is restricted or erased, and what customer has heard of that keeps it.

Revision ID: customer_0003
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "customer_0003"
down_revision = "customer_0002"
branch_labels = None
depends_on = "chassis_0010"


def upgrade() -> None:
    """Add the columns and the table. Whoever is known already may have been seen until today:
    visits before this were not noted, so each counts as one of now."""
    run(
        """
        ALTER TABLE person_search
            ADD COLUMN standing text NOT NULL DEFAULT ''
                CHECK (standing IN ('', 'restricted', 'erased')),
            ADD COLUMN look_on date
        """,
        """
        CREATE INDEX person_to_look_at ON person_search (look_on NULLS FIRST, person_id)
        WHERE merged_into IS NULL AND standing = ''
        """,
        """
        CREATE TABLE known_business (
            subject_id text PRIMARY KEY,
            customer_id uuid NOT NULL,
            business text NOT NULL CHECK (business IN ('visit', 'order')),
            last_at timestamptz NOT NULL,
            is_open boolean NOT NULL
        )
        """,
        "CREATE INDEX business_of_customer ON known_business (customer_id, business, last_at)",
        """
        INSERT INTO known_business
        SELECT 'before ' || person_id, person_id, 'visit', now(), false FROM person_search
        """,
        """
        CREATE UNIQUE INDEX one_erasure_under_way ON record (customer_id)
        WHERE kind = 'customer.erasure'
            AND state IN ('proposed', 'requested', 'restricted', 'approved')
        """,
        """
        CREATE INDEX erasure_by_state ON record (state, recorded_at, id)
        WHERE kind = 'customer.erasure'
        """,
        """
        CREATE INDEX evidence_csv ON evidence (confirmed_at)
        WHERE media_type = 'text/csv' AND confirmed_at IS NOT NULL AND let_go_at IS NULL
        """,
    )
    grant("SELECT, INSERT, UPDATE (last_at, is_open)", "known_business")
    grant("UPDATE (name_key, birthday_key)", "import_row")
