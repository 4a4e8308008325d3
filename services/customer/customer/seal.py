"""Whose keys hide what history says of people: each person's own, resting sealed with the
platform's data key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chassis.records.person_keys import PersonKeys
from chassis.sealing import DataKey
from chassis.settings import ServiceSettings


def seal(settings: ServiceSettings) -> Callable[[Any], PersonKeys]:
    """Return what makes the seal of a transaction from its connection."""
    return partial(PersonKeys, data_key=DataKey(settings.data_key.get_secret_value()))
