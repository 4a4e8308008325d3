"""The catalogue's look-ups, stock counts that cannot go below zero, movements and holds that fall
due.

Revision ID: inventory_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "inventory_0001"
down_revision = None
branch_labels = ("inventory",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make the tables of catalogue and stock."""
    _catalogue()
    _stock()
    run(
        """
        CREATE INDEX lot_of_product
        ON record ((content->>'product_id'), recorded_at DESC, id)
        WHERE kind = 'inventory.lot'
        """,
        """
        CREATE INDEX reservation_on_lot
        ON record ((content->>'lot_id'), recorded_at DESC)
        WHERE kind = 'inventory.reservation' AND state = 'reserved'
        """,
    )
    grant("SELECT, INSERT, UPDATE", "catalogue", "product_cost", "shelf", "piece")
    grant("SELECT, INSERT, DELETE", "power_range")
    grant("SELECT, INSERT, UPDATE, DELETE", "due_hold")
    grant("SELECT, INSERT", "movement")
    run("GRANT USAGE ON SEQUENCE movement_seq_seq TO :app")


def _catalogue() -> None:
    run(
        """
        CREATE TABLE catalogue (
            product_id uuid PRIMARY KEY,
            sku text NOT NULL UNIQUE,
            product_kind text NOT NULL,
            words text NOT NULL
        )
        """,
        "CREATE INDEX catalogue_words ON catalogue USING gin (words gin_trgm_ops)",
        "CREATE INDEX catalogue_of_kind ON catalogue (product_kind, sku)",
        """
        CREATE TABLE power_range (
            product_id uuid NOT NULL,
            position integer NOT NULL,
            sphere_min integer NOT NULL,
            sphere_max integer NOT NULL,
            cylinder_min integer NOT NULL,
            cylinder_max integer NOT NULL,
            add_min integer,
            add_max integer,
            PRIMARY KEY (product_id, position)
        )
        """,
        """
        CREATE INDEX power_range_covers ON power_range USING gist (
            int4range(sphere_min, sphere_max, '[]'), int4range(cylinder_min, cylinder_max, '[]')
        )
        """,
        """
        CREATE TABLE product_cost (
            product_id uuid NOT NULL,
            currency text NOT NULL,
            quantity bigint NOT NULL CHECK (quantity > 0),
            value_minor bigint NOT NULL CHECK (value_minor >= 0),
            latest_unit_cost_minor bigint NOT NULL CHECK (latest_unit_cost_minor >= 0),
            latest_lot_id uuid NOT NULL,
            accepted_at timestamptz NOT NULL,
            PRIMARY KEY (product_id, currency)
        )
        """,
    )


def _stock() -> None:
    run(
        """
        CREATE TABLE shelf (
            id uuid PRIMARY KEY,
            product_id uuid NOT NULL,
            lot_id uuid NOT NULL,
            branch_id uuid NOT NULL,
            sphere integer,
            cylinder integer CHECK (cylinder <= 0),
            addition integer CHECK (addition > 0),
            on_hand integer NOT NULL CHECK (on_hand >= 0),
            reserved integer NOT NULL CHECK (reserved BETWEEN 0 AND on_hand),
            UNIQUE NULLS NOT DISTINCT (lot_id, branch_id, sphere, cylinder, addition)
        )
        """,
        "CREATE INDEX shelf_of_product ON shelf (product_id, branch_id, sphere, cylinder)",
        "CREATE INDEX shelf_at_branch ON shelf (branch_id, sphere, cylinder)",
        """
        CREATE TABLE piece (
            id uuid PRIMARY KEY,
            product_id uuid NOT NULL,
            lot_id uuid NOT NULL,
            branch_id uuid NOT NULL,
            serial text NOT NULL,
            state text NOT NULL
                CHECK (state IN ('free', 'set_aside', 'reserved', 'drawn', 'consumed', 'broken')),
            holder_id text NOT NULL,
            transfer_id text NOT NULL,
            CHECK ((state = 'free') <= (holder_id = ''))
        )
        """,
        "CREATE UNIQUE INDEX piece_serial ON piece (product_id, serial) WHERE serial <> ''",
        "CREATE INDEX piece_free ON piece (product_id, branch_id, id) WHERE state = 'free'",
        "CREATE INDEX piece_of_product ON piece (product_id, id)",
        """
        CREATE TABLE movement (
            seq bigserial PRIMARY KEY,
            moved_at timestamptz NOT NULL,
            cause text NOT NULL,
            product_id uuid NOT NULL,
            lot_id uuid NOT NULL,
            branch_id uuid NOT NULL,
            piece_id uuid,
            sphere integer,
            cylinder integer,
            addition integer,
            quantity integer NOT NULL CHECK (quantity <> 0),
            record_id text NOT NULL
        )
        """,
        "CREATE INDEX movement_of_lot ON movement (lot_id, seq)",
        """
        CREATE TABLE due_hold (
            record_id text PRIMARY KEY,
            due_at timestamptz NOT NULL
        )
        """,
        "CREATE INDEX due_hold_by_time ON due_hold (due_at)",
    )
