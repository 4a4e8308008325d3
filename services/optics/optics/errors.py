"""What is refused before it can enter a prescription, a job or a calculation."""


class ValueRefused(ValueError):
    """A value breaks an optical rule.

    Carries the `field` and the `rule`; the text repeats both and leaves the clinical value out, so
    that it may be logged.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


def require_whole(field: str, value: int) -> None:
    """Refuse a float, a bool or a text where a whole number of the named unit belongs."""
    if type(value) is not int:
        raise ValueRefused(field, "must be a whole number of the unit in the name")


def require_positive(field: str, value: int) -> None:
    """Refuse what is not a whole number above zero."""
    require_whole(field, value)
    if value <= 0:
        raise ValueRefused(field, "must be above zero")
