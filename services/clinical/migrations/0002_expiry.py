"""The index by which prescriptions whose days are over are found.

Revision ID: clinical_0002
"""

from __future__ import annotations

from chassis.migrate import run

revision = "clinical_0002"
down_revision = "clinical_0001"
branch_labels = None
depends_on = "chassis_0005"


def upgrade() -> None:
    """Make the index on prescriptions that stand."""
    run(
        """
        CREATE INDEX prescription_by_last_day ON record ((content->>'expires_on'))
        WHERE kind = 'clinical.prescription' AND void = ''
        """
    )
