"""What an instrument said about an eye, before anybody believes it.

Every value keeps the text it came from and a measured state, so that an untouched dial, a blank
and a garbled digit can never look like a measurement further down the journey of a pair of glasses.
"""

from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum


class Kind(StrEnum):
    """What was measured; the two phoropter kinds tell the test from its result."""

    LENSMETER = "lensmeter"
    AUTOREFRACTION = "autorefraction"
    WAVEFRONT_REFRACTION = "wavefront_refraction"
    CONTACT_LENS_POWER = "contact_lens_power"
    TRIAL_LENS = "trial_lens"
    DAY_NIGHT_DIFFERENCE = "day_night_difference"
    PHOROPTER_SUBJECTIVE = "phoropter_subjective"
    PHOROPTER_FINAL = "phoropter_final"
    UNAIDED_ACUITY = "unaided_acuity"
    KERATOMETRY = "keratometry"
    SAGITTAL_KERATOMETRY = "sagittal_keratometry"
    PUPILLARY_DISTANCE = "pupillary_distance"
    VERTEX_DISTANCE = "vertex_distance"
    WORKING_DISTANCE = "working_distance"
    CORNEAL_SIZE = "corneal_size"
    PUPIL_SIZE = "pupil_size"


class Eye(StrEnum):
    """OD right, OS left, OU both."""

    OD = "OD"
    OS = "OS"
    OU = "OU"


class Distance(StrEnum):
    """The distance the eye looked at."""

    FAR = "far"
    NEAR = "near"


class Lighting(StrEnum):
    """Photopic is the instrument's day measurement, mesopic its night measurement."""

    PHOTOPIC = "photopic"
    MESOPIC = "mesopic"


class Statistic(StrEnum):
    """One shot, the instrument's representative value, its result, or a value it calculated."""

    SINGLE = "single"
    MEDIAN = "median"
    DEVICE_FINAL = "device_final"
    CALCULATED = "calculated"


class State(StrEnum):
    """How far a value may be believed: blank is not zero."""

    MEASURED = "measured"
    NOT_MEASURED = "not_measured"
    UNREADABLE = "unreadable"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True)
class Value:
    """One number of a reading.

    `field` ends with the unit of `amount` (hundredths of a dioptre, micrometres, whole degrees,
    hundredths of decimal acuity). `amount` is None unless the state is measured or unconfirmed.
    `qualifier` is the instrument's own sign of comparison (`<`, `>`, `-`), kept as sent.
    `raw` is the text as sent and `offset` its place in the frame's bytes.
    """

    field: str
    state: State
    amount: int | None
    raw: str
    offset: int
    qualifier: str = ""


@dataclass(frozen=True)
class Observation:
    """One reading of one eye (or of both, or of a lens whose eye the instrument did not name).

    `section` is the part of the transmission it came from (`@RT`, `DRM`); `sequence` counts the
    single shots of one eye from 1; `confidence` is the instrument's own mark (1 to 9, or E).
    `raw` and `offset` are those of the line that opened the reading.
    """

    kind: Kind
    eye: Eye | None
    distance: Distance | None
    lighting: Lighting | None
    statistic: Statistic
    values: tuple[Value, ...]
    section: str
    raw: str
    offset: int
    sequence: int = 1
    confidence: str | None = None

    def value(self, field: str) -> Value | None:
        """The value of that field, or None when the instrument sent none."""
        return next((value for value in self.values if value.field == field), None)


class Reason(StrEnum):
    """Why something sent is not, or not fully, a reading."""

    FRAME_INCOMPLETE = "frame_incomplete"
    FRAME_FORMAT = "frame_format"
    CHECKSUM_BAD = "checksum_bad"
    CHECKSUM_ABSENT = "checksum_absent"
    NOT_ASCII = "not_ascii"
    LINE_GARBLED = "line_garbled"
    NO_SECTION = "no_section"
    UNKNOWN_TAG = "unknown_tag"
    NOT_DECODED = "not_decoded"
    NOT_MEASURED = "not_measured"
    OUT_OF_RANGE = "out_of_range"
    CONTRADICTION = "contradiction"
    LOW_CONFIDENCE = "low_confidence"
    DEVICE_ERROR = "device_error"
    CLOCK_UNREADABLE = "clock_unreadable"
    REQUEST_TO_SEND = "request_to_send"


@dataclass(frozen=True)
class Remark:
    """A warning or a rejection: the rule in words without values, and the text it is about.

    `detail` names field, rule and place and may be shown or logged; `raw` holds what was sent
    and may not be logged.
    """

    reason: Reason
    detail: str
    raw: str
    offset: int


@dataclass(frozen=True)
class Device:
    """What the instrument said about itself; its clock is often wrong and is kept as it is.

    `work_id` is the number typed or scanned into the instrument, if any. `running_number` is the
    instrument's own counter and never a person's number.
    """

    model: str | None = None
    work_id: str | None = None
    running_number: str | None = None
    clock_date: date | None = None
    clock_time: time | None = None


@dataclass(frozen=True)
class Decoded:
    """All that one frame holds; `rejected` is not empty when a part of it could not be used."""

    observations: tuple[Observation, ...] = ()
    warnings: tuple[Remark, ...] = ()
    rejected: tuple[Remark, ...] = ()
    device: Device = Device()

    @property
    def is_partial(self) -> bool:
        """True when some of what was sent gave no reading and the print should be repeated."""
        return bool(self.rejected)
