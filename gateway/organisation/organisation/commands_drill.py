"""Beginning and ending a drill. What is made here for it is marked as its own, the drill itself is
not: its report outlives the purge."""

from __future__ import annotations

from datetime import timedelta

from chassis import clock
from chassis.db import UnitOfWork
from chassis.ids import new_id
from chassis.records.envelope import Record
from chassis.roles import Role
from chassis.rules import in_force
from organisation import store
from organisation.branch import BRANCH, Branch, BranchKind, BranchOpened
from organisation.drill import DRILL, Begun, Drill, DrillMember, DrillRule, DrillsRunning
from organisation.staff import QUALIFICATION, STAFF, Qualification, Staff

_KINDS = {"shop": BranchKind.SHOP, "lab": BranchKind.CENTRAL_LAB}
_SHORT = 6
"""How many of the last characters of its id tell one drill's people from another's."""


def drill_rule(work: UnitOfWork) -> DrillRule:
    """Return how drills are limited, by the rule in force today."""
    return DrillRule(**in_force(work.connection, "drill_staff", work.at.date()).body)


def start_drill(work: UnitOfWork, *, drill_case: str) -> Begun:
    """Begin a drill with a shop, a lab and their people. Raises DrillsRunning."""
    rule = drill_rule(work)
    store.hold_drills(work.connection)
    since = work.at - timedelta(minutes=rule.token_minutes)
    if store.drills_running(work.connection, since) >= rule.at_once:
        raise DrillsRunning(
            f"{rule.at_once} drills run already", retry_seconds=rule.token_minutes * 60
        )
    drill_id = new_id(DRILL.prefix)
    places = {place: _open(work, drill_id, place, rule) for place in _KINDS}
    members = tuple(
        _appoint(work, drill_id, role, branch, rule)
        for place, branch in places.items()
        for role in rule.roles_at(place)
    )
    content = Drill(drill_case=drill_case, shop_id=places["shop"].id, lab_id=places["lab"].id)
    drill = work.records.add(DRILL, content, id=drill_id, closes_when="record_in_state(ended)")
    return Begun(drill=drill, members=members, rule=rule)


def end_drill(work: UnitOfWork, *, drill_id: str, is_held: bool, report_json: str) -> Record[Drill]:
    """End a drill with its report. Its people need not leave: nobody signs in as they, and their
    tokens end by themselves. Raises Unknown, DrillApart, MoveForbidden."""
    drill = work.records.get(DRILL, drill_id)
    return work.records.move(
        drill, "end", nobody_next=True, closed=True, is_held=is_held, report_json=report_json
    )


def _open(work: UnitOfWork, drill_id: str, place: str, rule: DrillRule) -> Record[Branch]:
    name = f"DRILL {place} {drill_id[-_SHORT:]}"
    code = f"DRILL-{place}-{drill_id[-_SHORT:]}".upper()
    content = Branch(
        name=name, code=code, branch_kind=_KINDS[place], time_zone=rule.time_zone, address=name
    )
    branch_id = new_id("br")
    branch = work.records.add(BRANCH, content, id=branch_id, branch_id=branch_id, drill=drill_id)
    work.tell(
        branch,
        BranchOpened(
            branch_id=branch_id,
            code=code,
            branch_kind=_KINDS[place],
            time_zone=rule.time_zone,
            name=name,
        ),
    )
    return branch


def _appoint(
    work: UnitOfWork, drill_id: str, role: Role, branch: Record[Branch], rule: DrillRule
) -> DrillMember:
    """Appoint somebody without a login: nobody signs in as a drill's staff."""
    name = f"DRILL {role} {branch.content.code}"
    staff = work.records.add(
        STAFF,
        Staff(name=name, roles=(role,), branch_ids=(branch.id,), login=name),
        branch_id=branch.id,
        drill=drill_id,
    )
    course = rule.qualified.get(role)
    if course:
        today = clock.today(rule.time_zone)
        work.records.add(
            QUALIFICATION,
            Qualification(
                staff_id=staff.id,
                course=course,
                valid_from=today,
                valid_to=today + timedelta(days=rule.qualification_days),
                assessor=name,
            ),
            branch_id=branch.id,
            drill=drill_id,
        )
    return DrillMember(staff_id=staff.id, role=role, branch_id=branch.id)
