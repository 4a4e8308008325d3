"""One row of an import, from cells to a person and a guardian. Everything that can be wrong with it
is found here, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from chassis.errors import invalid
from customer import phone, short_code
from customer.country import Country
from customer.guardian import Relationship
from customer.import_file import RawRow
from customer.person import Person, Sex

PROBLEMS = {
    "NOT_UTF8": "the row is not UTF-8",
    "ROW_TOO_LONG": "the row is longer than 16 KiB",
    "QUOTE_UNCLOSED": "a quote is opened and not closed within the row",
    "QUOTE_MISPLACED": "a quote stands inside a cell that does not begin with one",
    "COLUMNS_DIFFER": "the row has more or fewer cells than the header",
    "ROW_FAILED": "the row could not be taken in; the fault is ours and was recorded",
}
"""Why a row cannot be read, or taken in, in words."""

T = TypeVar("T")

_LONGEST = {"name": 100, "email": 200, "wechat_id": 64, "address": 300, "guardian_name": 100}

_SEXES = {
    "": Sex.NOT_SAID,
    **dict.fromkeys(("female", "f", "女", "女性"), Sex.FEMALE),
    **dict.fromkeys(("male", "m", "男", "男性"), Sex.MALE),
}
_RELATIONSHIPS = {
    **dict.fromkeys(("mother", "母亲", "妈妈", "母", "母女", "母子"), Relationship.MOTHER),
    **dict.fromkeys(("father", "父亲", "爸爸", "父", "父女", "父子"), Relationship.FATHER),
    **dict.fromkeys(
        (
            "grandparent",
            "祖父",
            "祖母",
            "外祖父",
            "外祖母",
            "爷爷",
            "奶奶",
            "外公",
            "外婆",
            "姥姥",
            "姥爷",
        ),
        Relationship.GRANDPARENT,
    ),
    **dict.fromkeys(("", "other_guardian", "其他", "监护人"), Relationship.OTHER_GUARDIAN),
}
_DAY = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """What a row says: a person, and the guardian it names with the relationship."""

    person: Person
    guardian: Person | None
    relationship: Relationship


def newcomer(row: RawRow, columns: tuple[str, ...], country: Country) -> Newcomer:
    """Return what a row says. Raises Invalid naming the column, never the value."""
    if row.problem:
        raise invalid("", row.problem, PROBLEMS[row.problem], reason=row.problem)
    cells = {name: " ".join(cell.split()) for name, cell in zip(columns, row.cells, strict=True)}
    _require_fitting(cells)
    person = Person(
        name=cells["name"],
        short_code=short_code.fresh(),
        sex=_one_of(_SEXES, cells, "sex"),
        birthday=_birthday(cells.get("birthday", "")),
        phone_e164=phone.e164(cells.get("phone", ""), country.phone_region),
        email=cells.get("email", ""),
        wechat_id=cells.get("wechat_id", ""),
        address=cells.get("address", ""),
    )
    person.require_born(country.today())
    relationship = _one_of(_RELATIONSHIPS, cells, "guardian_relationship")
    return Newcomer(person=person, guardian=_guardian(cells, country), relationship=relationship)


def _require_fitting(cells: Mapping[str, str]) -> None:
    if not cells["name"]:
        raise invalid("name", "required", "must be given")
    for column, cell in cells.items():
        longest = _LONGEST.get(column, 100)
        if len(cell) > longest:
            raise invalid(column, "max_length", f"has {len(cell)} characters, at most {longest}")
        if not cell.isprintable():
            raise invalid(column, "text", "holds a control character")


def _guardian(cells: Mapping[str, str], country: Country) -> Person | None:
    name, number = cells.get("guardian_name", ""), cells.get("guardian_phone", "")
    if not name and not number:
        return None
    if not (name and number):
        column = "guardian_phone" if name else "guardian_name"
        raise invalid(column, "required", "must be given with the other one of the guardian")
    e164 = phone.e164(number, country.phone_region, "guardian_phone")
    return Person(name=name, short_code=short_code.fresh(), phone_e164=e164)


def _one_of(words: Mapping[str, T], cells: Mapping[str, str], column: str) -> T:
    try:
        return words[cells.get(column, "").casefold()]
    except KeyError:
        raise invalid(column, "word", "is none of the words this column takes") from None


def _birthday(cell: str) -> date | None:
    if not cell:
        return None
    found = _DAY.fullmatch(cell)
    try:
        if found is not None:
            year, month, day = (int(part) for part in found.groups())
            return date(year, month, day)
    except ValueError:
        found = None
    raise invalid("birthday", "date", "is no date such as 1988-05-21")
