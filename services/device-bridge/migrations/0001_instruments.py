"""How the lines stand, and the indexes of instruments and captures.

Revision ID: device_bridge_0001
"""

from __future__ import annotations

from chassis.migrate import grant, run

revision = "device_bridge_0001"
down_revision = None
branch_labels = ("device_bridge",)
depends_on = "chassis_0001"


def upgrade() -> None:
    """Make the table of lines, and say what may be there only once."""
    run(
        """
        CREATE TABLE line (
            instrument_id uuid PRIMARY KEY,
            link text NOT NULL,
            link_changed_at timestamptz,
            prints_waiting integer NOT NULL,
            waiting_reason text NOT NULL,
            last_print_at timestamptz
        )
        """,
        """
        CREATE UNIQUE INDEX instrument_serial
        ON record ((content->>'model'), (content->>'serial_number'))
        WHERE kind = 'device_bridge.instrument'
        """,
        """
        CREATE UNIQUE INDEX instrument_line ON record (branch_id, (content->>'port_url'))
        WHERE kind = 'device_bridge.instrument' AND state = 'in_service'
        """,
        """
        CREATE INDEX instrument_by_branch ON record (branch_id, id)
        WHERE kind = 'device_bridge.instrument'
        """,
        """
        CREATE UNIQUE INDEX capture_key ON record ((content->>'idempotency_key'))
        WHERE kind = 'device_bridge.capture'
        """,
        """
        CREATE INDEX capture_content ON record ((content->>'content_key'), recorded_at, id)
        WHERE kind = 'device_bridge.capture'
        """,
        """
        CREATE INDEX capture_by_branch ON record (branch_id, recorded_at, id)
        WHERE kind = 'device_bridge.capture'
        """,
        """
        CREATE INDEX capture_by_state ON record (branch_id, state, recorded_at, id)
        WHERE kind = 'device_bridge.capture'
        """,
    )
    grant("SELECT, INSERT, UPDATE", "line")
