"""Records, their history, pins and handovers; outbox, inbox, replies and rule editions.

Revision ID: chassis_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "chassis_0001"
down_revision = None
branch_labels = ("chassis",)
depends_on = None


def upgrade() -> None:
    """Make the tables every service has, and say what the run-time role may do with each."""
    _records()
    _messages()
    run(
        """
        CREATE TABLE rule_edition (
            name text NOT NULL,
            edition text NOT NULL,
            valid_from text NOT NULL,
            valid_to text NOT NULL DEFAULT '',
            source text NOT NULL CHECK (source <> ''),
            confidence text NOT NULL,
            body jsonb NOT NULL,
            PRIMARY KEY (name, edition)
        )
        """
    )
    run(
        """
        CREATE TABLE evidence (
            object_key text PRIMARY KEY,
            media_type text NOT NULL,
            offered_to text NOT NULL,
            offered_at timestamptz NOT NULL,
            sha256 text NOT NULL DEFAULT '',
            size_bytes bigint NOT NULL DEFAULT 0,
            note text NOT NULL DEFAULT '',
            confirmed_at timestamptz
        )
        """,
        "CREATE INDEX evidence_unconfirmed ON evidence (offered_at) WHERE confirmed_at IS NULL",
    )
    grant("SELECT, INSERT, UPDATE, DELETE", "evidence")
    grant("SELECT, INSERT, UPDATE", "record", "known_version")
    grant("SELECT, INSERT", "history", "refusal")
    grant("SELECT, INSERT, UPDATE, DELETE", "pin")
    grant("SELECT, INSERT, UPDATE (accepted_by, accepted_at)", "handover")
    grant("SELECT, INSERT, DELETE", "outbox", "inbox", "reply")
    grant("SELECT", "rule_edition")
    run("GRANT USAGE ON SEQUENCE outbox_seq_seq TO :app")


def _records() -> None:
    run(
        """
        CREATE TABLE record (
            id uuid PRIMARY KEY,
            kind text NOT NULL,
            version integer NOT NULL CHECK (version >= 1),
            revision integer NOT NULL CHECK (revision >= version),
            state text NOT NULL,
            void text NOT NULL DEFAULT '',
            customer_id uuid,
            case_id uuid,
            branch_id uuid,
            held_at_id uuid,
            source_kind text NOT NULL CHECK (source_kind <> ''),
            source_detail text NOT NULL,
            recorded_at timestamptz NOT NULL,
            recorded_by text NOT NULL CHECK (recorded_by <> ''),
            responsible_role text,
            owner text NOT NULL,
            evidence jsonb NOT NULL,
            approval jsonb NOT NULL,
            closure jsonb NOT NULL,
            content jsonb NOT NULL,
            handover_id uuid,
            head bytea NOT NULL
        )
        """,
        "CREATE INDEX record_of_case ON record (case_id, recorded_at) WHERE case_id IS NOT NULL",
        """
        CREATE INDEX record_of_customer ON record (customer_id, kind, recorded_at)
        WHERE customer_id IS NOT NULL
        """,
        """
        CREATE TABLE history (
            record_id uuid NOT NULL,
            revision integer NOT NULL,
            version integer NOT NULL,
            recorded_at timestamptz NOT NULL,
            body text NOT NULL,
            previous bytea NOT NULL,
            hash bytea NOT NULL,
            PRIMARY KEY (record_id, revision)
        )
        """,
        """
        CREATE TABLE pin (
            holder_id uuid NOT NULL,
            record_id text NOT NULL,
            kind text NOT NULL,
            relied_version integer NOT NULL,
            settled_version integer NOT NULL CHECK (settled_version >= relied_version),
            settled_by text NOT NULL DEFAULT '',
            fields text[] NOT NULL,
            fixed boolean NOT NULL,
            PRIMARY KEY (holder_id, record_id)
        )
        """,
        "CREATE INDEX pin_on_record ON pin (record_id) WHERE NOT fixed",
        """
        CREATE TABLE known_version (
            record_id text PRIMARY KEY,
            version integer NOT NULL,
            void boolean NOT NULL DEFAULT false
        )
        """,
        """
        CREATE TABLE handover (
            id uuid PRIMARY KEY,
            record_id uuid NOT NULL,
            kind text NOT NULL,
            version integer NOT NULL,
            case_id uuid,
            from_role text NOT NULL,
            to_role text NOT NULL,
            from_branch_id uuid,
            to_branch_id uuid,
            given_by text NOT NULL,
            given_at timestamptz NOT NULL,
            accepted_by text NOT NULL DEFAULT '',
            accepted_at timestamptz,
            pins jsonb NOT NULL,
            traceparent text NOT NULL
        )
        """,
        "CREATE INDEX handover_of_case ON handover (case_id, given_at) WHERE case_id IS NOT NULL",
        """
        CREATE INDEX handover_waiting ON handover (to_branch_id, to_role, given_at)
        WHERE accepted_at IS NULL
        """,
        """
        CREATE TABLE refusal (
            id uuid PRIMARY KEY,
            holder_id uuid NOT NULL,
            holder_kind text NOT NULL,
            gate text NOT NULL,
            refused_at timestamptz NOT NULL,
            actor text NOT NULL,
            role text NOT NULL,
            stale jsonb NOT NULL,
            trace_id text NOT NULL
        )
        """,
        "CREATE INDEX refusal_of_holder ON refusal (holder_id, refused_at)",
    )


def _messages() -> None:
    run(
        """
        CREATE TABLE outbox (
            seq bigserial PRIMARY KEY,
            event_id uuid NOT NULL UNIQUE,
            aggregate_id text NOT NULL,
            type text NOT NULL,
            body bytea NOT NULL,
            traceparent text NOT NULL,
            occurred_at timestamptz NOT NULL
        )
        """,
        """
        CREATE FUNCTION tell_relay() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('outbox', ''); RETURN NULL; END $$
        """,
        """
        CREATE TRIGGER outbox_filled AFTER INSERT ON outbox
        FOR EACH STATEMENT EXECUTE FUNCTION tell_relay()
        """,
        """
        CREATE TABLE inbox (
            subscription text NOT NULL,
            event_id uuid NOT NULL,
            handled_at timestamptz NOT NULL,
            PRIMARY KEY (subscription, event_id)
        )
        """,
        """
        CREATE TABLE reply (
            actor text NOT NULL,
            rpc text NOT NULL,
            request_id text NOT NULL,
            request_hash bytea NOT NULL,
            response bytea NOT NULL,
            replied_at timestamptz NOT NULL,
            PRIMARY KEY (actor, rpc, request_id)
        )
        """,
        "CREATE INDEX reply_age ON reply (replied_at)",
        "CREATE INDEX inbox_age ON inbox (handled_at)",
    )
