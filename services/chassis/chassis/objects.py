"""Scans, photos and signatures in the object store, reached by S3.

A client uploads straight to the store with a presigned PUT; since that enforces neither size nor
hash, and may be used again for some minutes, the upload counts only after `seal` has copied it to a
key that no client can write to, and hashed the copy. Keys hold the service, the kind, a random id
and the hash: nothing personal.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote, urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import S3Error

from chassis.errors import Refused, Unavailable, Unknown, invalid
from chassis.ids import new_id
from chassis.records.envelope import Evidence

_UPLOAD_MINUTES = 15
_READ_MINUTES = 15
_CHUNK = 256 * 1024
_GONE = ("NoSuchKey", "NoSuchBucket")

MEDIA_TYPES = frozenset(
    {"image/png", "image/jpeg", "application/pdf", "text/csv", "application/octet-stream"}
)


class ObjectDiffers(Refused):
    """The uploaded bytes are not those that were announced."""

    reason = "OBJECT_DIFFERS"


class ObjectTooLarge(Refused):
    """The upload is larger than the platform keeps."""

    reason = "OBJECT_TOO_LARGE"


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Where to put or get an object, and how long that stays possible."""

    object_key: str
    url: str
    valid_seconds: int


def sealed_key(object_key: str, sha256: str) -> str:
    """Return a fresh key for the confirmed copy of an upload, named by its hash."""
    return f"{object_key.rpartition('/')[0]}/{new_id('obj')}-{sha256}"


class ObjectStore:
    """The bucket of the chain. `url` is http(s)://KEY:SECRET@host:port/bucket."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.bucket = parts.path.strip("/")
        self._client = Minio(
            f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname),
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            secure=parts.scheme == "https",
            region="us-east-1",
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=2.0, read=10.0),
                retries=urllib3.Retry(total=1),
                maxsize=8,
            ),
        )

    def make_bucket(self) -> None:
        """Make the bucket unless it is there. Raises Unavailable."""
        try:
            if not self._client.bucket_exists(self.bucket):
                self._client.make_bucket(self.bucket)
        except S3Error as error:
            if error.code not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                raise Unavailable("the object store refused its bucket") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("the object store cannot be reached") from error

    def offer_upload(self, service: str, purpose: str, media_type: str) -> Offered:
        """Return a fresh key and a presigned PUT for it. Raises Invalid for a media type we do not
        take."""
        if not purpose.isidentifier():
            raise invalid("purpose", "purpose", "must be one word such as photo or signature")
        if media_type not in MEDIA_TYPES:
            raise invalid(
                "media_type", "media_type", f"must be one of {', '.join(sorted(MEDIA_TYPES))}"
            )
        key = f"{service}/{purpose}/{new_id('obj')}"
        url = self._client.presigned_put_object(
            self.bucket, key, expires=timedelta(minutes=_UPLOAD_MINUTES)
        )
        return Offered(object_key=key, url=url, valid_seconds=_UPLOAD_MINUTES * 60)

    def offer_read(self, object_key: str) -> Offered:
        """Return a presigned GET."""
        minutes = timedelta(minutes=_READ_MINUTES)
        url = self._client.presigned_get_object(self.bucket, object_key, expires=minutes)
        return Offered(object_key=object_key, url=url, valid_seconds=_READ_MINUTES * 60)

    def remove(self, object_key: str) -> None:
        """Remove an object that nobody confirmed. Raises Unavailable."""
        try:
            self._client.remove_object(self.bucket, object_key)
        except (S3Error, urllib3.exceptions.HTTPError) as error:
            raise Unavailable("the object store cannot be reached") from error

    def seal(
        self,
        object_key: str,
        key: str,
        *,
        sha256: str,
        media_type: str,
        note: str = "",
        most_bytes: int,
    ) -> Evidence:
        """Copy what was uploaded to `key` inside the store, hash the copy, and return it as
        evidence. A copy that is refused is removed.

        Raises Unknown when nothing was uploaded, ObjectTooLarge, ObjectDiffers when the hash is
        another, Unavailable.
        """
        self._copy(object_key, key, most_bytes)
        try:
            size = self._hashed(key, sha256, most_bytes)
        except Refused:
            self.remove(key)
            raise
        return Evidence(
            object_key=key, sha256=sha256, media_type=media_type, size_bytes=size, note=note
        )

    def _copy(self, object_key: str, key: str, most_bytes: int) -> None:
        try:
            found = self._client.stat_object(self.bucket, object_key)
            _require_size(found.size or 0, most_bytes)
            self._client.copy_object(self.bucket, key, CopySource(self.bucket, object_key))
        except S3Error as error:
            raise Unknown(
                f"nothing was uploaded under {object_key}", reason="OBJECT_UNKNOWN"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("the object store cannot be reached") from error

    def _hashed(self, key: str, sha256: str, most_bytes: int) -> int:
        """Return the size of an object whose bytes hash as announced; it may have been overwritten
        between the look at its size and the copy."""
        digest = hashlib.sha256()
        size = 0
        for chunk in self.stream(key):
            digest.update(chunk)
            size += len(chunk)
            _require_size(size, most_bytes)
        if digest.hexdigest() != sha256:
            raise ObjectDiffers("the uploaded bytes have another sha256 than announced")
        return size

    def put(
        self, service: str, purpose: str, data: bytes, media_type: str, note: str = ""
    ) -> Evidence:
        """Keep bytes that this process made or received itself. The key is their sha256. Raises
        Unavailable."""
        sha256 = hashlib.sha256(data).hexdigest()
        key = f"{service}/{purpose}/{sha256}"
        try:
            self._client.put_object(
                self.bucket, key, io.BytesIO(data), len(data), content_type=media_type
            )
        except (S3Error, urllib3.exceptions.HTTPError) as error:
            raise Unavailable("the object store cannot be reached") from error
        return Evidence(
            object_key=key, sha256=sha256, media_type=media_type, size_bytes=len(data), note=note
        )

    def get(self, object_key: str) -> bytes:
        """Return the bytes under a key. Raises Unknown, Unavailable."""
        try:
            answer = self._client.get_object(self.bucket, object_key)
            try:
                return answer.read()
            finally:
                answer.close()
                answer.release_conn()
        except S3Error as error:
            raise Unknown(f"nothing is kept under {object_key}", reason="OBJECT_UNKNOWN") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("the object store cannot be reached") from error

    def stream(self, object_key: str, *, offset: int = 0) -> Iterator[bytes]:
        """Yield the bytes under a key from an offset on, a piece at a time. Raises Unknown,
        Unavailable."""
        try:
            answer = self._client.get_object(self.bucket, object_key, offset=offset)
            try:
                yield from answer.stream(_CHUNK)
            finally:
                answer.close()
                answer.release_conn()
        except S3Error as error:
            if error.code not in _GONE:  # a store that is ill says nothing about the object
                raise Unavailable("the object store does not answer") from error
            raise Unknown(f"nothing is kept under {object_key}", reason="OBJECT_UNKNOWN") from error
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("the object store cannot be reached") from error

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys below a prefix. Raises Unavailable."""
        try:
            found = self._client.list_objects(self.bucket, prefix=prefix, recursive=True)
            return [str(one.object_name) for one in found]
        except (S3Error, urllib3.exceptions.HTTPError) as error:
            raise Unavailable("the object store cannot be reached") from error


def _require_size(size: int, most_bytes: int) -> None:
    if size > most_bytes:
        raise ObjectTooLarge(f"the upload is larger than {most_bytes} bytes", limit=most_bytes)
