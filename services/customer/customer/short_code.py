"""The code a customer reads aloud: eight characters that nobody mishears, the last one to check
the others by. It begins with a letter and holds a digit, so that it is no phone and no name."""

from __future__ import annotations

import secrets

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = _ALPHABET[8:]
_LENGTH = 8


def fresh() -> str:
    """Return a random code."""
    while True:
        body = secrets.choice(_LETTERS) + "".join(
            secrets.choice(_ALPHABET) for _ in range(_LENGTH - 2)
        )
        if any(one.isdigit() for one in body):
            return body + _check(body)


def read(text: str) -> str:
    """Return the code somebody said, however spaced or cased; empty when it is none."""
    code = text.upper().replace("-", "").replace(" ", "")
    if len(code) != _LENGTH or any(one not in _ALPHABET for one in code):
        return ""
    holds_digit = any(one.isdigit() for one in code[:-1])
    is_code = code[0] in _LETTERS and holds_digit and code[-1] == _check(code[:-1])
    return code if is_code else ""


def _check(body: str) -> str:
    """Return the check character: Luhn's, in the base of the alphabet."""
    base = len(_ALPHABET)
    total = 0
    for place, one in enumerate(reversed(body)):
        value = _ALPHABET.index(one) * (2 if place % 2 == 0 else 1)
        total += value // base + value % base
    return _ALPHABET[-total % base]
