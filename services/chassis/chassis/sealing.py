"""Sealing small secrets with the platform's data key (AES-256-GCM, bound to the context they belong
to), and signing with keys derived from it."""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12
_KEY = 32


class SealBroken(Exception):
    """The sealed text was changed, or belongs to another key or context."""


class DataKey:
    """A 256-bit key. `text` is its base64url form. Raises ValueError for any other length."""

    def __init__(self, text: str) -> None:
        self._cipher = AESGCM(_raw(text))

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


class SigningKey:
    """An Ed25519 key that is derived from the data key for one purpose; whoever holds its public
    half can check what it signed, and sign nothing."""

    def __init__(self, data_key: str, purpose: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=_KEY, salt=None, info=purpose.encode())
        self._private = Ed25519PrivateKey.from_private_bytes(derive.derive(_raw(data_key)))
        self._public = self._private.public_key()

    def sign(self, said: bytes) -> bytes:
        """Return the signature over some bytes."""
        return self._private.sign(said)

    def verifies(self, signature: bytes, said: bytes) -> bool:
        """Tell whether a signature over some bytes is of this key."""
        try:
            self._public.verify(signature, said)
        except InvalidSignature:
            return False
        return True


def _raw(text: str) -> bytes:
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != _KEY:
        raise ValueError("a data key has 32 bytes")
    return raw
