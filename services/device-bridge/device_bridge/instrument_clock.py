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
    earliest = datetime.combine(day, device.clock_time or time.min)
    latest = earliest if device.clock_time else earliest + timedelta(days=1)
    # A clock shows whole minutes: 07:40 may be 07:40:59.
    return here < earliest - allowed or here > latest + allowed + timedelta(minutes=1)
