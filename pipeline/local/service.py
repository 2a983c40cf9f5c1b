"""The S3 and SageMaker of the local target: a moto server process on loopback, and what must outlive it on disk."""

from __future__ import annotations

from typing import Any, ClassVar

from pipeline.local import isolation
from pipeline.local.home import Home
from pipeline.local.objects import StoredObject
from pipeline.local.store import Store


class LocalAws:
    """A moto server of its own while the context lasts. Methods may be called from several threads."""

    REGION: ClassVar[str] = isolation.REGION
    ACCOUNT: ClassVar[str] = isolation.ACCOUNT
    BUCKET: ClassVar[str] = f"sagemaker-{isolation.REGION}-{isolation.ACCOUNT}"

    def __init__(self, home: Home, store: Store) -> None:
        raise NotImplementedError

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server; returns at once. What needs the server waits for it."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the server and remove its temporary files. What was not persisted is gone."""
        raise NotImplementedError

    @property
    def endpoint_url(self) -> str:
        """Where the server listens, e.g. `http://127.0.0.1:40123`; waits until it does."""
        raise NotImplementedError

    def client(self, service: str) -> Any:
        """A boto3 client of the local `service`; the same object for the same service (clients are thread-safe)."""
        raise NotImplementedError

    def session(self) -> Any:
        """A boto3.Session all of whose clients and resources are local, for the SageMaker SDK."""
        raise NotImplementedError

    def job_environment(self) -> dict[str, str]:
        """The AWS part of a job's environment; the job must get no other AWS_* variable."""
        raise NotImplementedError

    def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket if it is missing (BUCKET exists from the start)."""
        raise NotImplementedError

    def restore_objects(self, uri: str) -> None:
        """Put the stored objects under the s3:// prefix back into the server, once."""
        raise NotImplementedError

    def persist_objects(self, *uris: str) -> None:
        """Write what is new or changed under the s3:// prefixes to disk; forget what was deleted there."""
        raise NotImplementedError

    def stored_objects(self, uri: str) -> list[StoredObject]:
        """What is on disk under the s3:// prefix, by key; needs no server."""
        raise NotImplementedError

    def restore_registry(self) -> None:
        """Create the saved model package groups and packages in the server, with their ARNs and versions."""
        raise NotImplementedError

    def persist_registry(self) -> None:
        """Write new packages and changes of approval or metadata to disk."""
        raise NotImplementedError
