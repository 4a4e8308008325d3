"""What a process does with its memory once it has started."""

from __future__ import annotations

import gc

_NEW_OBJECTS = 20_000
"""How many more objects are made than freed before the young ones are looked through: about what
some ten calls at once hold."""


def settle() -> None:
    """Take what start-up made as here to stay, so that no collection looks through it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
