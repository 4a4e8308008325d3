"""Sealing small secrets with the platform's data key: AES-256-GCM, bound to the context they belong
to."""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_KEY = 32


class SealBroken(Exception):
    """The sealed text was changed, or belongs to another key or context."""


class DataKey:
    """A 256-bit key. `text` is its base64url form. Raises ValueError for any other length."""

    def __init__(self, text: str) -> None:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if len(raw) != _KEY:
            raise ValueError("a data key has 32 bytes")
        self._cipher = AESGCM(raw)

    @staticmethod
    def fresh() -> str:
        """Return a random key in its base64url form."""
        return base64.urlsafe_b64encode(os.urandom(_KEY)).decode()

    def close(self, clear: bytes, *, context: str) -> str:
        """Return the sealed text of clear bytes, which opens in the same context only."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(
            nonce + self._cipher.encrypt(nonce, clear, context.encode())
        ).decode()

    def open(self, sealed: str, *, context: str) -> bytes:
        """Return the clear bytes. Raises SealBroken."""
        raw = base64.b64decode(sealed)
        try:
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode())
        except InvalidTag as error:
            raise SealBroken("the seal does not open") from error
