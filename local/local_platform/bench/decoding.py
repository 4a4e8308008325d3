"""How many frames of an instrument one core decodes in a second."""

from __future__ import annotations

import time

from device_bridge.decoding import decode
from device_bridge.profiles import profile_of
from device_bridge.ranges import load_ranges
from local_platform.instruments import Eye, lensmeter_print

_SECONDS = 2.0


def per_second() -> float:
    """Frame and decode a lensmeter's print again and again."""
    profile = profile_of("LM-1000P")
    ranges = load_ranges()
    sent = lensmeter_print(Eye(-175, -50, 90), Eye(-150, -50, 85))
    count, ends = 0, time.perf_counter() + _SECONDS
    while time.perf_counter() < ends:
        framer = profile.framer()
        for frame in framer.feed(sent, 0.0):
            decode(frame, profile, ranges)
        count += 1
    return round(count / _SECONDS)
