"""The eyes as every ticket, form and instrument names them."""

from enum import StrEnum


class Eye(StrEnum):
    """Right, left, or both together."""

    OD = "OD"
    OS = "OS"
    OU = "OU"
