"""The data lines of a phoropter's print: which tag in which section measures what.

Source: interface manual MRT10*RTZ001J, checked on captures of RT-5100 and RT-3100.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from device_bridge.fields import (
    Garbled,
    Judge,
    axis,
    micrometres,
    not_measured,
    signed_hundredths,
    sphere_cylinder_axis,
    unsigned_hundredths,
    whole,
    whole_centimetres,
)
from device_bridge.readings import Distance, Eye, Kind, Lighting, Reason, Statistic, Value
from device_bridge.sheet import Heading

SECTIONS = ("LM", "RM", "WF", "RT", "KM", "NT")
SECTION_KINDS = {
    "LM": Kind.LENSMETER,
    "RM": Kind.AUTOREFRACTION,
    "WF": Kind.WAVEFRONT_REFRACTION,
    "KM": Kind.KERATOMETRY,
}
EYES = {"R": Eye.OD, "L": Eye.OS, "B": Eye.OU}
PUPILLARY = {
    "PD": (Distance.FAR, Statistic.DEVICE_FINAL),
    "Pd": (Distance.NEAR, Statistic.DEVICE_FINAL),
    "pD": (Distance.FAR, Statistic.SINGLE),
    "pd": (Distance.NEAR, Statistic.SINGLE),
}
PUPILLARY_PARTS = ("right_pupillary_distance_micrometres", "left_pupillary_distance_micrometres")
WORKING = {
    "WD": ("working_distance_micrometres", 2),
    "wd": ("final_working_distance_micrometres", 3),
    "Wd": ("lensmeter_working_distance_micrometres", 3),
}
ACUITIES = {
    "V": "decimal_acuity_hundredths",
    "U": "decimal_acuity_hundredths",
    "W": "decimal_acuity_hundredths",
    "M": "decimal_acuity_hundredths",
    "Y": "with_addition_decimal_acuity_hundredths",
    "J": "with_addition_decimal_acuity_hundredths",
    "H": "pinhole_decimal_acuity_hundredths",
    "K": "pinhole_decimal_acuity_hundredths",
    "Q": "low_light_decimal_acuity_hundredths",
}
UNAIDED = frozenset("WMK")
DECIMAL_ACUITY = re.compile(r"([ <>\-])([0-9]\.[0-9]{1,2}) *")
ACUITY_WIDTHS = (5, 7)
PRISM_FIELDS = {
    "I": "base_in_prism_centidioptres",
    "O": "base_out_prism_centidioptres",
    "U": "base_up_prism_centidioptres",
    "D": "base_down_prism_centidioptres",
}
LEFT_OUT = {
    **dict.fromkeys(("DV", "CV", "dv", "cv", "Dv", "Cv"), "vergence"),
    **dict.fromkeys(("SV", "IV", "sv", "iv", "Sv", "Iv"), "vertical vergence"),
    **dict.fromkeys(("NA", "PA"), "relative accommodation"),
    **dict.fromkeys(("AN", "AH"), "aniseikonia"),
    "ME": "dominant eye",
    "CP": "near point of convergence",
    "AP": "near point of accommodation",
    "FW": "Worth test",
    "SC": "stereopsis",
    "AG": "age",
    "TT": "refraction time",
}


@dataclass(frozen=True)
class Section:
    """A section of the print: its name, its label as sent, its place, its lighting."""

    name: str
    label: str
    offset: int
    lighting: Lighting | None


Entry = tuple[Heading, tuple[Value, ...]]
Reader = Callable[[str, str, int, Judge], tuple[Value, ...]]


def read_line(text: str, offset: int, section: Section, judge: Judge) -> Entry | None:
    """The heading and values of one line; None when the section has no such tag.

    Raises Garbled when a field does not keep its form.
    """
    tag, rest, place = text[:2], text[2:], offset + 2
    if tag in PUPILLARY and (tag[0] == "P" or section.name == "RT"):
        distance, statistic = PUPILLARY[tag]
        heading = _heading(Kind.PUPILLARY_DISTANCE, Eye.OU, section, distance, statistic)
        return heading, _pupillary_distance(rest, place, judge)
    if tag in WORKING:
        heading = _heading(Kind.WORKING_DISTANCE, Eye.OU, section, None, Statistic.DEVICE_FINAL)
        return heading, _working_distance(tag, rest, place, judge)
    letter, eye = text[:1], EYES.get(text[1:2].upper())
    reader = READERS[section.name].get(letter)
    if reader is None or eye is None:
        return None
    near = letter in "nN" or text[1].islower()
    distance = Distance.NEAR if near else Distance.FAR
    kind = _kind(section, letter)
    heading = _heading(kind, eye, section, distance, _statistic(kind))
    return heading, reader(letter, rest, place, judge)


def _kind(section: Section, letter: str) -> Kind:
    if letter in UNAIDED:
        return Kind.UNAIDED_ACUITY
    if section.name == "RT":
        return Kind.PHOROPTER_SUBJECTIVE if letter.islower() else Kind.PHOROPTER_FINAL
    return SECTION_KINDS[section.name]


def _statistic(kind: Kind) -> Statistic:
    tested = kind in (Kind.PHOROPTER_SUBJECTIVE, Kind.UNAIDED_ACUITY)
    return Statistic.SINGLE if tested else Statistic.DEVICE_FINAL


def _heading(
    kind: Kind, eye: Eye, section: Section, distance: Distance | None, statistic: Statistic
) -> Heading:
    if kind is Kind.KERATOMETRY:
        distance = None
    return Heading(kind, eye, section.label, section.offset, distance, section.lighting, statistic)


def _refraction(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    return sphere_cylinder_axis(text, offset, judge)


def _addition(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    amount = signed_hundredths(text)
    return (judge.value("addition_centidioptres", amount, text, offset),)


def _acuity(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    """Decimal acuity; fractions, Parinaud and letters are kept as sent and give no value."""
    if len(text) not in ACUITY_WIDTHS:
        raise Garbled("an acuity has 5 or 7 characters")
    match = DECIMAL_ACUITY.fullmatch(text)
    if match is None:
        detail = "this notation of acuity is not decoded"
        judge.notes.warn(Reason.NOT_DECODED, detail, text, offset)
        return ()
    name, amount = ACUITIES[letter.upper()], unsigned_hundredths(match[2])
    return (judge.value(name, amount, text, offset, qualifier=match[1].strip()),)


def _prism(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    if len(text) != 12:
        raise Garbled("a prism has 12 characters")
    horizontal = _prism_part(text[:6], "IO", offset, judge)
    return horizontal, _prism_part(text[6:], "UD", offset + 6, judge)


def _prism_part(text: str, bases: str, offset: int, judge: Judge) -> Value:
    base, amount = text[0], unsigned_hundredths(text[1:])
    if base not in bases and (base != " " or amount):
        raise Garbled("a prism needs its base")
    name = PRISM_FIELDS[bases[0] if base == " " else base]
    return judge.value(name, amount, text, offset)


def _radii(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    if len(text) != 13:
        raise Garbled("corneal radii have 13 characters")
    return (
        judge.value("radius_1_micrometres", micrometres(text[:5]), text[:5], offset),
        judge.value("radius_2_micrometres", micrometres(text[5:10]), text[5:10], offset + 5),
        axis(whole(text[10:]), text[10:], offset + 10, judge),
    )


def _corneal_powers(letter: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    if len(text) != 10:
        raise Garbled("corneal powers have 10 characters")
    first, second = unsigned_hundredths(text[:5]), unsigned_hundredths(text[5:])
    return (
        judge.value("power_1_centidioptres", first, text[:5], offset),
        judge.value("power_2_centidioptres", second, text[5:], offset + 5),
    )


def _pupillary_distance(text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    """Binocular, right and left in millimetres; eight spaces when only binocular was set."""
    if len(text) != 12:
        raise Garbled("a pupillary distance has 12 characters")
    name = "pupillary_distance_micrometres"
    values = [judge.value(name, micrometres(text[:4]), text[:4], offset)]
    for index, part in enumerate(PUPILLARY_PARTS):
        begin = 4 + 4 * index
        raw, place = text[begin : begin + 4], offset + begin
        if raw.isspace():
            values.append(not_measured(part, raw, place))
        else:
            values.append(judge.value(part, micrometres(raw), raw, place))
    return tuple(values)


def _working_distance(tag: str, text: str, offset: int, judge: Judge) -> tuple[Value, ...]:
    name, width = WORKING[tag]
    if len(text) != width:
        raise Garbled(f"a working distance has {width} characters here")
    return (judge.value(name, whole_centimetres(text), text, offset),)


_CORRECTED = dict.fromkeys("VUYJHQ", _acuity)
READERS: Mapping[str, Mapping[str, Reader]] = {
    "LM": {" ": _refraction, "A": _addition, "P": _prism, **_CORRECTED},
    "RM": {"O": _refraction, **_CORRECTED},
    "WF": {"O": _refraction, **_CORRECTED},
    "RT": {
        **dict.fromkeys("fnFN", _refraction),
        **dict.fromkeys("aA", _addition),
        **dict.fromkeys("pP", _prism),
        **dict.fromkeys("WMK", _acuity),
        **_CORRECTED,
        **dict.fromkeys("vuyjhq", _acuity),
    },
    "KM": {"C": _radii, "D": _corneal_powers},
    "NT": {},
}
