"""Prices, the ledger, time zones of branches, and the indexes of orders.

Revision ID: billing_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "billing_0001"
down_revision = None
branch_labels = ("billing",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make billing's tables; the run-time role may add to prices and ledger, and change neither."""
    _prices()
    _ledger()
    _indexes()
    run(
        "CREATE TABLE branch_zone (branch_id uuid PRIMARY KEY, time_zone text NOT NULL)",
        "CREATE SEQUENCE order_number",
        "CREATE SEQUENCE receipt_number",
        "GRANT USAGE ON SEQUENCE order_number, receipt_number TO :app",
    )
    grant("SELECT, INSERT", "price", "posting", "ledger_entry")
    grant("SELECT, INSERT, UPDATE", "branch_zone")


def _prices() -> None:
    run(
        """
        CREATE TABLE price (
            price_list_id uuid NOT NULL,
            item text NOT NULL,
            product_id text NOT NULL,
            service_code text NOT NULL,
            name text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
            PRIMARY KEY (price_list_id, item),
            CHECK ((product_id = '') <> (service_code = ''))
        )
        """,
    )


def _ledger() -> None:
    run(
        """
        CREATE TABLE posting (
            id uuid PRIMARY KEY,
            posting_kind text NOT NULL,
            order_id uuid NOT NULL,
            record_id text NOT NULL,
            reverses_id uuid UNIQUE REFERENCES posting (id),
            branch_id uuid,
            currency text NOT NULL,
            posted_at timestamptz NOT NULL,
            posted_by text NOT NULL,
            CHECK ((reverses_id IS NULL) = (posting_kind <> 'reversal'))
        )
        """,
        "CREATE INDEX posting_of_order ON posting (order_id, posted_at)",
        """
        CREATE TABLE ledger_entry (
            posting_id uuid NOT NULL REFERENCES posting (id),
            line integer NOT NULL,
            account text NOT NULL,
            amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
            PRIMARY KEY (posting_id, line)
        )
        """,
        """
        CREATE FUNCTION require_balanced() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
            IF (SELECT sum(amount_minor) FROM ledger_entry WHERE posting_id = NEW.posting_id) <> 0
            THEN RAISE EXCEPTION 'the posting % does not sum to zero', NEW.posting_id;
            END IF;
            RETURN NULL;
        END $$
        """,
        """
        CREATE CONSTRAINT TRIGGER ledger_balanced AFTER INSERT ON ledger_entry
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced()
        """,
    )


def _indexes() -> None:
    run(
        """
        CREATE UNIQUE INDEX edition_of_prices ON record ((content->>'edition'))
        WHERE kind = 'billing.price_list'
        """,
        """
        CREATE UNIQUE INDEX edition_of_terms ON record ((content->>'edition'))
        WHERE kind = 'billing.terms'
        """,
        """
        CREATE INDEX edition_in_force ON record (kind, (content->>'valid_from'))
        WHERE kind IN ('billing.price_list', 'billing.terms')
        """,
        """
        CREATE INDEX order_of_branch ON record (branch_id, recorded_at, id)
        WHERE kind = 'billing.order'
        """,
        """
        CREATE INDEX order_of_branch_in_state ON record (branch_id, state, recorded_at, id)
        WHERE kind = 'billing.order'
        """,
        """
        CREATE INDEX promise_at_risk ON record (branch_id, (content->>'promised_on'), id)
        WHERE kind = 'billing.order' AND content->>'at_risk_since' IS NOT NULL
        AND state IN ('approved', 'confirmed', 'in_work')
        """,
        """
        CREATE INDEX promise_to_watch ON record ((content->>'promised_on'))
        WHERE kind = 'billing.order' AND content->>'at_risk_since' IS NULL
        AND state IN ('approved', 'confirmed', 'in_work')
        """,
        """
        CREATE INDEX part_of_order ON record ((content->>'order_id'), kind)
        WHERE kind IN ('billing.payment', 'billing.promise_outcome', 'billing.receipt')
        """,
    )
