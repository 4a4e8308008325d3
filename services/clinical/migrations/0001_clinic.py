"""The day list, armed stations, the keys of readings, and the indexes of clinical's records.

Revision ID: clinical_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "clinical_0001"
down_revision = None
branch_labels = ("clinical",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make clinical's tables and indexes."""
    run(
        """
        CREATE TABLE day_entry (
            id uuid PRIMARY KEY,
            branch_id uuid NOT NULL,
            day date NOT NULL,
            at timestamptz NOT NULL,
            appointment_id uuid UNIQUE,
            visit_id uuid UNIQUE,
            CHECK (appointment_id IS NOT NULL OR visit_id IS NOT NULL)
        )
        """,
        "CREATE INDEX day_entry_by_time ON day_entry (branch_id, day, at, id)",
        """
        CREATE TABLE armed_station (
            branch_id uuid NOT NULL,
            station_code text NOT NULL,
            visit_id uuid NOT NULL,
            armed_by text NOT NULL,
            armed_at timestamptz NOT NULL,
            PRIMARY KEY (branch_id, station_code)
        )
        """,
        "CREATE INDEX armed_for_visit ON armed_station (visit_id)",
        """
        CREATE TABLE reading_key (
            instrument_id uuid NOT NULL,
            idempotency_key text NOT NULL,
            reading_id uuid NOT NULL,
            PRIMARY KEY (instrument_id, idempotency_key)
        )
        """,
        """
        CREATE TABLE branch_zone (
            branch_id uuid PRIMARY KEY,
            time_zone text NOT NULL
        )
        """,
        """
        CREATE INDEX reading_of_visit ON record ((content->>'visit_id'), recorded_at, id)
        WHERE kind = 'clinical.device_reading'
        """,
        """
        CREATE INDEX reading_unclaimed ON record (branch_id, recorded_at, id)
        WHERE kind = 'clinical.device_reading' AND state = 'unclaimed'
        """,
        """
        CREATE INDEX fitting_on_frame ON record ((content->>'frame_selection_id'), recorded_at)
        WHERE kind = 'clinical.fitting_measurement' AND void = ''
        """,
        """
        CREATE UNIQUE INDEX recheck_of_job ON record ((content->>'job_id'))
        WHERE kind = 'clinical.recheck_plan'
        """,
        """
        CREATE INDEX recheck_due ON record (branch_id, (content->>'due_on'), id)
        WHERE kind = 'clinical.recheck_plan' AND state = 'planned'
        """,
    )
    grant("SELECT, INSERT, UPDATE", "day_entry", "branch_zone")
    grant("SELECT, INSERT, UPDATE, DELETE", "armed_station")
    grant("SELECT, INSERT", "reading_key")
