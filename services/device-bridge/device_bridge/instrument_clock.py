"""Whether an instrument's own clock can be believed: it is compared with the bridge's."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from device_bridge.readings import Device


def differs(device: Device, received_at: datetime, zone: str, allowed: timedelta) -> bool:
    """Tell whether the clock on a print lies further than `allowed` from when the print came.

    A print that names the day alone differs when its whole day does; one without any clock does
    not differ. `zone` is the IANA zone the instrument's clock is set to.
    """
    day = device.clock_date
    if day is None:
        return False
    here = received_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    # Only distances are reckoned with: a clock at either end of the calendar has no day beside it.
    behind = here - datetime.combine(day, device.clock_time or time.min)
    # A clock shows whole minutes: 07:40 may be 07:40:59.
    shows = timedelta(minutes=1) if device.clock_time else timedelta(days=1, minutes=1)
    return behind < -allowed or behind > allowed + shows
