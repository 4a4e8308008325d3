"""Looks for slips of the pen in a prescription before it is signed, and at who answers for what it
finds. The rules on powers are those of optics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from chassis.errors import Refused
from clinical import usual_range
from clinical.prescription import (
    FindingSeverity,
    PlausibilityFinding,
    PrescribedEye,
    Prescription,
    PrescriptionPurpose,
)
from clinical.value import Eye
from optics import plausibility
from optics import prescribed_pair as optical


class PlausibilityUnconfirmed(Refused):
    """Rules found something that the signer has not confirmed."""

    reason = "PLAUSIBILITY_UNCONFIRMED"


class SecondPersonMissing(Refused):
    """A confirmed finding asks for a second qualified person, who has not confirmed it."""

    reason = "SECOND_PERSON_MISSING"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the rules know beside the powers."""

    age_years: int | None
    previous: Prescription | None = None
    is_cycloplegic: bool = False
    is_within_ortho_k_wear: bool = False
    day: date


def findings(
    new: Prescription, known: Circumstances, body: dict[str, Any]
) -> tuple[PlausibilityFinding, ...]:
    """Return what the rules find: R1 to R12 by optics, then what this service's own data ask, then
    what is merely unusual."""
    old = known.previous
    found = [
        PlausibilityFinding(
            rule=one.rule,
            severity=FindingSeverity(one.severity),
            eye=Eye(one.eye.lower()),
            field=one.field,
            text=one.text,
            is_comparison=one.is_comparison,
        )
        for one in plausibility.compare(
            _pair(new),
            _pair(old) if old is not None else None,
            age_years=known.age_years,
            days_since_old=(known.day - old.issued_on).days if old is not None else None,
            for_distance_and_near=new.purpose is PrescriptionPurpose.DISTANCE_AND_NEAR,
        )
    ]
    found += _of_source(known, body)
    found += _of_cylinder_sign(new, body["cylinder_sign"])
    age = known.age_years
    is_adult = age is None or age >= body["usual_distance"]["from_years"]
    return (*found, *usual_range.in_prescription(new, is_adult=is_adult))


def _of_source(known: Circumstances, body: dict[str, Any]) -> Iterator[PlausibilityFinding]:
    """R13 and R14: how the eyes were when they were measured."""
    sources = (
        ("R13", known.is_within_ortho_k_wear, "ortho_k_wear", "within ortho-K wear"),
        ("R14", known.is_cycloplegic, "cycloplegic_source", "with accommodation paralysed"),
    )
    for rule, is_so, name, how in sources:
        if is_so:
            yield PlausibilityFinding(
                rule=rule,
                severity=FindingSeverity(body[name]),
                eye=Eye.OU,
                field="refraction",
                text=f"the eyes were measured {how}",
            )


def _of_cylinder_sign(new: Prescription, rule: dict[str, str]) -> Iterator[PlausibilityFinding]:
    house = -1 if rule["house"] == "minus" else 1
    for eye, part in new.eyes():
        if part.cylinder_centidioptres * house < 0:
            yield PlausibilityFinding(
                rule="SIGN",
                severity=FindingSeverity(rule["severity"]),
                eye=eye,
                field="cylinder",
                text=f"the house writes {rule['house']} cylinders",
            )


def confirmed(
    found: Sequence[PlausibilityFinding],
    confirmed_rules: Iterable[str],
    *,
    second_person_id: str,
    backed_rules: Iterable[str] = (),
) -> tuple[PlausibilityFinding, ...]:
    """Return the findings as the signer answers for them. `backed_rules` are those whose findings
    the second person has confirmed.

    Raises PlausibilityUnconfirmed listing what is not confirmed, SecondPersonMissing.
    """
    rules = set(confirmed_rules)
    answered = tuple(replace(one, is_confirmed=one.rule in rules) for one in found)
    open_ones = [one for one in answered if one.asks and not one.is_confirmed]
    if open_ones:
        raise PlausibilityUnconfirmed(
            "plausibility rules found something that is not confirmed",
            missing=[
                f"{one.rule} ({one.severity}) {one.eye} {one.field}: {one.text}"
                for one in open_ones
            ],
            rules=",".join(sorted({one.rule for one in open_ones})),
        )
    alone = sorted({one.rule for one in answered if one.asks_two} - set(backed_rules))
    if alone:
        raise SecondPersonMissing(
            "a second qualified person must confirm these findings for these very powers",
            missing=[f"second person for {rule}" for rule in alone],
            rules=",".join(alone),
        )
    return answered


def _pair(one: Prescription) -> optical.PrescribedPair:
    return optical.PrescribedPair(
        od=_eye(one.od), os=_eye(one.os), binocular_distance_micrometres=one.pd.binocular()
    )


def _eye(eye: PrescribedEye | None) -> optical.PrescribedEye | None:
    return None if eye is None else optical.PrescribedEye(eye.power(), eye.addition())
