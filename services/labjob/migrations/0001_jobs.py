"""The sequence of slip numbers, and the indexes of jobs, their steps and shipments.

Revision ID: labjob_0001
"""

from __future__ import annotations

from chassis.migrate import run

revision = "labjob_0001"
down_revision = None
branch_labels = ("labjob",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make what jobs are found by, and what may be there only once."""
    run(
        "CREATE SEQUENCE slip_number_seq",
        "GRANT USAGE ON SEQUENCE slip_number_seq TO :app",
        """
        CREATE UNIQUE INDEX job_slip_number ON record ((content->>'slip_number'))
        WHERE kind = 'labjob.job'
        """,
        """
        CREATE UNIQUE INDEX job_open_of_order ON record ((content->>'order_id'))
        WHERE kind = 'labjob.job' AND state NOT IN ('remade', 'cancelled')
        """,
        """
        CREATE INDEX job_of_order ON record ((content->>'order_id'), recorded_at, id)
        WHERE kind = 'labjob.job'
        """,
        """
        CREATE INDEX job_of_lab ON record ((content->>'lab_id'), state, recorded_at, id)
        WHERE kind = 'labjob.job'
        """,
        """
        CREATE INDEX job_of_branch ON record (branch_id, state, recorded_at, id)
        WHERE kind = 'labjob.job'
        """,
        """
        CREATE INDEX job_open_of_lab ON record ((content->>'lab_id'), recorded_at, id)
        WHERE kind = 'labjob.job' AND state NOT IN ('collected', 'remade', 'cancelled')
        """,
        """
        CREATE INDEX job_open_of_branch ON record (branch_id, recorded_at, id)
        WHERE kind = 'labjob.job' AND state NOT IN ('collected', 'remade', 'cancelled')
        """,
        """
        CREATE INDEX job_step ON record ((content->>'job_id'), kind, recorded_at)
        WHERE (content->>'job_id') IS NOT NULL
        """,
        """
        CREATE INDEX shipment_from ON record ((content->>'from_id'), recorded_at, id)
        WHERE kind = 'labjob.shipment' AND state <> 'received'
        """,
        """
        CREATE INDEX shipment_to ON record ((content->>'to_id'), recorded_at, id)
        WHERE kind = 'labjob.shipment' AND state <> 'received'
        """,
    )
