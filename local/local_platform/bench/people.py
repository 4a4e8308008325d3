"""A chain's worth of customers, loaded in bulk into the tables and indexes that search uses."""

from __future__ import annotations

import secrets

import psycopg

_PEOPLE = """
    INSERT INTO record (id, kind, version, revision, state, customer_id, branch_id, held_at_id,
        source_kind, source_detail, recorded_at, recorded_by, owner, evidence, approval, closure,
        content, head)
    SELECT uuidv7(), 'customer.person', 1, 1, %(state)s, NULL, %(branch)s, %(branch)s,
        'import', %(batch)s || n, now(), 'bench', '', '[]', '{"status": "not_required"}', '{}',
        jsonb_build_object('name', %(word)s || ' ' || n, 'short_code', %(batch)s || n,
            'sex', 'not_said', 'birthday', '1970-01-01',
            'phone_e164', '+86137' || lpad(n::text, 8, '0')),
        ''::bytea
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS n
"""
_FOUND_BY = """
    INSERT INTO person_search (person_id, name_folded, name_turned, initials, phone_e164,
        phone_last4, birthday, short_code)
    SELECT id, lower(content->>'name'), split_part(content->>'name', ' ', 2),
        left(lower(content->>'name'), 1) || ' ' || lower(content->>'name'),
        content->>'phone_e164', right(content->>'phone_e164', 4), date '1970-01-01',
        content->>'short_code'
    FROM record WHERE kind = 'customer.person' AND source_detail LIKE %(batch)s || '%%'
"""


def fill(owner_url: str, branch_uuid: str, first: int, last: int) -> None:
    """Load customers numbered `first` to `last` as the database's owner."""
    batch = secrets.token_hex(4).upper()
    given = {
        "batch": batch,
        "branch": branch_uuid,
        "first": first,
        "last": last,
        "state": "active",
        "word": "Sample",
    }
    with psycopg.connect(owner_url.replace("+psycopg", "")) as connection:
        state = connection.execute(
            "SELECT state FROM record WHERE kind = 'customer.person' LIMIT 1"
        ).fetchone()
        connection.execute(_PEOPLE, {**given, "state": state[0] if state else "active"})
        connection.execute(_FOUND_BY, given)
    with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ANALYZE person_search")
        connection.execute("ANALYZE record")
