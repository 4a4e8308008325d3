"""The groups and segments of the measurement format, and how a reader walks through them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from device_bridge.fields import Garbled, Judge
from device_bridge.readings import Eye, Reason

EYES: dict[str, Eye | None] = {"R": Eye.OD, "L": Eye.OS, " ": None}


@dataclass(frozen=True)
class Segment:
    """One segment, without its ETB; the tag is its first two characters."""

    text: str
    offset: int

    @property
    def tag(self) -> str:
        """Which quantity, of which eye."""
        return self.text[:2]

    @property
    def content(self) -> str:
        """What follows the tag."""
        return self.text[2:]

    @property
    def place(self) -> int:
        """Where the content begins in the frame."""
        return self.offset + 2


@dataclass(frozen=True)
class Group:
    """One group: the code after its SOH, and its segments."""

    code: str
    offset: int
    segments: tuple[Segment, ...]

    def without(self, tags: tuple[str, ...]) -> "Group":
        """The same group without the segments of those tags."""
        kept = tuple(segment for segment in self.segments if segment.tag not in tags)
        return replace(self, segments=kept)


def read_each(group: Group, judge: Judge, read: Callable[[Segment], bool]) -> None:
    """Hand every segment to `read`; reject the garbled, keep the unknown as a warning."""
    for segment in group.segments:
        try:
            known = read(segment)
        except Garbled as garbled:
            detail = f"{group.code} segment {segment.tag!r}: {garbled}"
            judge.notes.reject(Reason.LINE_GARBLED, detail, segment.text, segment.offset)
            continue
        if not known:
            detail = f"this segment of {group.code} is not decoded"
            judge.notes.warn(Reason.NOT_DECODED, detail, segment.text, segment.offset)
