"""From a frame to readings, whichever of the two grammars it has."""

from device_bridge import measurement, refractor
from device_bridge.framing import Frame
from device_bridge.grammar import Format
from device_bridge.profiles import Profile
from device_bridge.ranges import Ranges
from device_bridge.readings import Decoded

DECODERS = {
    Format.PHOROPTER_LINES: refractor.decode,
    Format.MEASUREMENT_GROUPS: measurement.decode,
}


def decode(frame: Frame, profile: Profile, ranges: Ranges) -> Decoded:
    """The readings of one frame of an instrument of that profile; total and deterministic."""
    return DECODERS[profile.grammar](frame, profile, ranges)
