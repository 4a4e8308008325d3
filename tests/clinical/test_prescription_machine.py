"""A prescription in random hands: each version keeps the one before, an end is an end, and history
has every step."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from chassis.ids import as_uuid
from clinical import commands_prescription, commands_refraction
from clinical.prescription import PrescribedEye
from machines import outcome, play


class Prescriptions(RuleBasedStateMachine):
    """One visit: refractions recorded and signed, prescriptions signed on them, corrected, revoked
    and superseded."""

    def __init__(self, clinic: Any) -> None:
        super().__init__()
        self.clinic = clinic
        self.void: set[str] = set()
        self.versions: dict[str, int] = {}
        self.revisions: dict[str, int] = {}
        self.rx: Any = None

    @initialize()
    def examine(self) -> None:
        self.visit = self.clinic.visit()
        self.refraction = self.clinic.signed_refraction(self.visit)
        self.rx = self._signed(self.clinic.sign(self.refraction))

    @rule()
    def sign_a_refraction_twice(self) -> None:
        _, refused = outcome(
            lambda: self.clinic.run(
                self.clinic.optometrist,
                commands_refraction.sign_refraction,
                refraction_id=self.refraction.id,
                revision=self.refraction.revision,
            )
        )
        assert refused == "MOVE_FORBIDDEN", refused

    @rule(axis=st.integers(min_value=5, max_value=15))
    def amend(self, axis: int) -> None:
        od = PrescribedEye(sphere_centidioptres=-200, cylinder_centidioptres=-75, axis_degrees=axis)
        is_same = self.rx.content.od == od
        made, refused = outcome(lambda: self.clinic.amend(self.rx, od=od))
        if self.rx.id in self.void:
            assert refused == "RECORD_VOID", refused
        elif is_same:
            assert refused == "NOTHING_CHANGED", refused
        else:
            assert not refused, refused
            self._written(made, version=1)
            assert made.content.od.axis_degrees == axis

    @rule(axis=st.integers(min_value=5, max_value=15))
    def amend_what_was_seen_long_ago(self, axis: int) -> None:
        if self.rx.revision == 1 or self.rx.id in self.void:
            return
        od = PrescribedEye(sphere_centidioptres=-225, cylinder_centidioptres=-75, axis_degrees=axis)
        older = self.clinic.amend
        seen = self.rx.__class__(**{**vars(self.rx), "revision": self.rx.revision - 1})
        _, refused = outcome(lambda: older(seen, od=od))
        assert refused == "REVISION_OUTDATED", refused

    @rule()
    def revoke(self) -> None:
        made, refused = outcome(
            lambda: self.clinic.run(
                self.clinic.optometrist,
                commands_prescription.revoke_prescription,
                prescription_id=self.rx.id,
                revision=self.rx.revision,
                reason_code="RX_MISMATCH",
                reason="another's",
            )
        )
        assert bool(refused) == (self.rx.id in self.void), refused
        if made:
            self._written(made)
            self.void.add(made.id)

    @rule()
    def supersede(self) -> None:
        older = self.rx
        made, refused = outcome(lambda: self.clinic.sign(self.refraction, supersedes_id=older.id))
        assert bool(refused) == (older.id in self.void), refused
        if made:
            self.revisions[older.id] += 1
            self.void.add(older.id)
            self.rx = self._signed(made)

    @invariant()
    def history_has_every_step(self) -> None:
        for one, revision in self.revisions.items():
            with self.clinic.chain.database("clinical").snapshot() as connection:
                rows = connection.execute(
                    text("SELECT revision, version FROM history WHERE record_id = :id ORDER BY 1"),
                    {"id": as_uuid(one)},
                ).all()
            assert [row.revision for row in rows] == list(range(1, revision + 1))
            assert rows[-1].version == self.versions[one]

    def _signed(self, made: Any) -> Any:
        self.versions[made.id], self.revisions[made.id] = made.version, made.revision
        return made

    def _written(self, made: Any, version: int = 0) -> None:
        assert made.revision == self.revisions[made.id] + 1
        assert made.version == self.versions[made.id] + version
        self.rx = self._signed(made)


def test_a_prescription_keeps_every_version_and_an_end_is_an_end(clinic: Any) -> None:
    play(lambda: Prescriptions(clinic))
