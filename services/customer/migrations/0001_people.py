"""What people are found by, each person's own key, the report of imports, and the indexes of
records about people.

Revision ID: customer_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "customer_0001"
down_revision = None
branch_labels = ("customer",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make the tables and indexes of customer."""
    _search()
    _records()
    run(
        """
        CREATE TABLE person_key (
            customer_id uuid PRIMARY KEY,
            sealed_key text,
            destroyed_at timestamptz,
            CHECK ((sealed_key IS NULL) = (destroyed_at IS NOT NULL))
        )
        """,
        """
        CREATE TABLE import_row (
            import_id uuid NOT NULL,
            line integer NOT NULL,
            outcome text NOT NULL,
            customer_id uuid,
            field text NOT NULL,
            reason text NOT NULL,
            text text NOT NULL,
            duplicate_of_id uuid,
            name_key bytea,
            birthday_key bytea,
            PRIMARY KEY (import_id, line)
        )
        """,
        "CREATE INDEX import_row_outcome ON import_row (import_id, outcome, line)",
        """
        CREATE INDEX import_row_name ON import_row (import_id, name_key)
        WHERE name_key IS NOT NULL
        """,
        """
        CREATE INDEX import_row_birthday ON import_row (import_id, birthday_key)
        WHERE birthday_key IS NOT NULL
        """,
    )
    grant("SELECT, INSERT, UPDATE", "person_search")
    grant("SELECT, INSERT, UPDATE (sealed_key, destroyed_at)", "person_key")
    grant("SELECT, INSERT", "import_row")


def _search() -> None:
    """Texts compare by code point, so that one index both finds a beginning and orders."""
    run(
        """
        CREATE TABLE person_search (
            person_id uuid PRIMARY KEY,
            name_folded text COLLATE "C" NOT NULL,
            name_turned text COLLATE "C" NOT NULL,
            initials text COLLATE "C" NOT NULL,
            phone_e164 text COLLATE "C" NOT NULL,
            phone_last4 text COLLATE "C" NOT NULL,
            birthday date,
            short_code text COLLATE "C" NOT NULL UNIQUE,
            merged_into uuid
        )
        """,
        """
        CREATE INDEX person_by_name ON person_search (name_folded, person_id)
        WHERE merged_into IS NULL
        """,
        """
        CREATE INDEX person_by_last_word ON person_search (name_turned, person_id)
        WHERE merged_into IS NULL AND name_turned <> ''
        """,
        """
        CREATE INDEX person_by_initials ON person_search (initials, person_id)
        WHERE merged_into IS NULL
        """,
        """
        CREATE INDEX person_by_phone ON person_search (phone_e164, name_folded, person_id)
        WHERE merged_into IS NULL AND phone_e164 <> ''
        """,
        """
        CREATE INDEX person_by_last_digits ON person_search (phone_last4, name_folded, person_id)
        WHERE merged_into IS NULL AND phone_last4 <> ''
        """,
        """
        CREATE INDEX person_by_birthday ON person_search (birthday, name_folded)
        WHERE merged_into IS NULL AND birthday IS NOT NULL
        """,
        """
        CREATE INDEX alias_of_person ON person_search (merged_into)
        WHERE merged_into IS NOT NULL
        """,
    )


def _records() -> None:
    run(
        """
        CREATE UNIQUE INDEX duplicate_pair ON record (customer_id, (content->>'other_id'))
        WHERE kind = 'customer.duplicate'
        """,
        """
        CREATE INDEX duplicate_of_other ON record ((content->>'other_id'))
        WHERE kind = 'customer.duplicate' AND state = 'suspected'
        """,
        """
        CREATE INDEX duplicate_waiting ON record (held_at_id, recorded_at, id)
        WHERE kind = 'customer.duplicate' AND state = 'suspected'
        """,
        """
        CREATE UNIQUE INDEX one_answer_for_a_purpose ON record (customer_id, (content->>'purpose'))
        WHERE kind = 'customer.contact_permission' AND void = ''
        """,
        """
        CREATE UNIQUE INDEX guardian_pair ON record (customer_id, (content->>'guardian_id'))
        WHERE kind = 'customer.guardian_link' AND void = ''
        """,
        """
        CREATE INDEX ward_of_guardian ON record ((content->>'guardian_id'))
        WHERE kind = 'customer.guardian_link' AND void = ''
        """,
        """
        CREATE INDEX message_of_customer ON record (customer_id, recorded_at DESC, id DESC)
        WHERE kind = 'customer.message'
        """,
        """
        CREATE INDEX follow_up_due ON record (held_at_id, (content->>'due_on'), id)
        WHERE kind = 'customer.follow_up' AND state = 'planned'
        """,
        """
        CREATE INDEX follow_up_of_order ON record ((content->>'order_id'), (content->>'due_on'), id)
        WHERE kind = 'customer.follow_up'
        """,
        """
        CREATE INDEX import_of_file ON record ((evidence[0]->>'sha256'))
        WHERE kind = 'customer.import_batch'
        """,
    )
