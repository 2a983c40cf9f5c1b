"""The S3 and SageMaker of the local target: a moto server process on loopback, and what must outlive it on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from pipeline.errors import FashionError
from pipeline.local import isolation
from pipeline.local.credentials import new_credentials
from pipeline.local.home import Home
from pipeline.local.moto_server import MotoServer
from pipeline.local.objects import Objects, StoredObject, split_uri
from pipeline.local.registry_state import RegistryState
from pipeline.local.store import Store
from pipeline.loopback_requests import names_of

# A server that joins hundreds of megabytes in memory, on a machine that trains meanwhile, can take long to answer.
ANSWER_SECONDS = 60.0


class LocalAws:
    """A moto server of its own while the context lasts. Methods may be called from several threads."""

    REGION: ClassVar[str] = isolation.REGION
    ACCOUNT: ClassVar[str] = isolation.ACCOUNT
    BUCKET: ClassVar[str] = f"sagemaker-{isolation.REGION}-{isolation.ACCOUNT}"

    def __init__(
        self,
        home: Home,
        store: Store,
        host: str = "127.0.0.1",
        answer_seconds: float = ANSWER_SECONDS,
        called: str | None = None,
    ) -> None:
        """`host` is where the server listens: another address than loopback only for containers to reach it.

        `called` is what else its clients may call it. A request that has no answer for `answer_seconds` is repeated
        twice, then it fails.
        """
        self._home = home
        self._host = host
        self._called = names_of(host) | (names_of(called) if called else frozenset())
        self.credentials = new_credentials()
        self._answer_seconds = answer_seconds
        self._objects = Objects(home, store)
        self._registry = RegistryState(store)
        self._server: MotoServer | None = None
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._restoring = threading.Lock()
        self._restored: set[str] = set()
        # The ETag of each object of which the server and the disk are known to have the same content.
        self._same: dict[tuple[str, str], str] = {}

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server; returns at once. What needs the server waits for it (about 1 s)."""
        self._home.sweep()
        self._server = MotoServer(self._home, self._host, self._called, self.credentials)

    def stop(self) -> None:
        """End the server and remove its temporary files. What was not persisted is gone."""
        with self._lock:
            server, self._server = self._server, None
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        if server is not None:
            server.stop()

    @property
    def endpoint_url(self) -> str:
        """Where the server listens, e.g. `http://127.0.0.1:40123`; waits until it does.

        Raises:
            FashionError: the server could not start.
        """
        if self._server is None:
            raise RuntimeError("LocalAws is used before start() or after stop()")
        return self._server.url

    @property
    def death(self) -> str | None:
        """What to say when the server's process has ended by itself; None while it runs."""
        server = self._server
        how = None if server is None else server.death()
        if how is None:
            return None
        return (
            "The local S3 has died; what was saved before is intact. Continue with: python -m pipeline resume. "
            f"(Of the server: {how})"
        )

    def session(self) -> Any:
        """A boto3.Session all of whose clients and resources are local, for the SageMaker SDK."""
        with self._lock:
            if self._session is None:
                # Here and not at the top: importing boto3 takes half a second, in which the server starts.
                from pipeline.local.clients import LoopbackSession, patient

                session = LoopbackSession(self.endpoint_url, self.credentials, patient(self._answer_seconds))
                self._clients["s3"] = session.client("s3")
                with self._faults("Starting"):
                    self._clients["s3"].create_bucket(Bucket=self.BUCKET)
                self._session = session
            return self._session

    def client(self, service: str) -> Any:
        """A boto3 client of the local `service`; one per service, since clients are thread-safe."""
        with self._lock:
            session = self.session()
            if service not in self._clients:
                self._clients[service] = session.client(service)
            return self._clients[service]

    def job_environment(self) -> dict[str, str]:
        """The AWS part of a job's environment; the job must get no other AWS_* variable."""
        return isolation.aws_settings(self.endpoint_url, self.credentials) | isolation.direct_loopback()

    def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket if it is missing (BUCKET exists from the start)."""
        with self._faults(f"Making the bucket {bucket}"):
            self.client("s3").create_bucket(Bucket=bucket)

    def restore_objects(self, uri: str, damaged: Callable[[str], None] | None = None) -> None:
        """Put the stored objects under the s3:// prefix back into the server, once. What is there already stays.

        With `damaged`, what is missing or damaged on disk is set aside, and `damaged` is told so: for what a
        job can do without.

        Raises:
            StateError: a stored object is missing or damaged on disk, and there is no `damaged`.
        """
        bucket, prefix = split_uri(uri)
        with self._restoring, self._faults(f"Putting the stored objects of {uri} back"):
            if any(uri.startswith(done) for done in self._restored):
                return
            stored = self._objects.under(uri)
            if stored:
                self.ensure_bucket(bucket)
                present = dict(self._listed(bucket, prefix))
                for item in stored:
                    if item.key in present:
                        continue
                    damage = None if damaged is None else self._objects.damage(item)
                    if damaged is None or damage is None:
                        self._restore(item)
                    else:
                        damaged(f"{item.uri}: {damage}.{self._objects.set_aside(item)}")
            self._restored.add(uri)

    def persist_objects(self, *uris: str) -> None:
        """Write what is new or changed under the s3:// prefixes to disk; forget what was deleted there.

        Raises:
            StateError: the disk is full, or the state folder cannot be written.
        """
        for uri in uris:
            bucket, prefix = split_uri(uri)
            with self._faults(f"Saving {uri}"):
                listed = dict(self._listed(bucket, prefix))
                for key, etag in listed.items():
                    if self._same.get((bucket, key)) != etag:
                        self._persist(bucket, key, etag)
            with self._lock:
                known = [name for name in self._same if name[0] == bucket and name[1].startswith(prefix)]
                gone = [name for name in known if name[1] not in listed]
                for name in gone:
                    del self._same[name]
            if gone:
                self._objects.forget(bucket, [key for _, key in gone])

    def stored_objects(self, uri: str) -> list[StoredObject]:
        """What is on disk under the s3:// prefix, by key; needs no server."""
        return self._objects.under(uri)

    def restore_registry(self) -> None:
        """Create the saved model package groups and packages in the server, once, with their ARNs and versions."""
        with self._faults("Putting the saved model packages back"):
            self._registry.restore(self.client("sagemaker"))

    def persist_registry(self) -> None:
        """Write new packages and changes of approval or metadata to disk."""
        with self._faults("Saving the model registry"):
            self._registry.persist(self.client("sagemaker"))

    def _listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
        """Key and ETag of the server's objects whose keys begin with `prefix`."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                yield item["Key"], item["ETag"]

    def _restore(self, stored: StoredObject) -> None:
        self._objects.check(stored)
        with self._objects.path(stored).open("rb") as content:
            # In one piece: moto joins parts in memory, and reads a whole object for every range asked for.
            answer = self.client("s3").put_object(Bucket=stored.bucket, Key=stored.key, Body=content)
        self._is_same(stored.bucket, stored.key, answer["ETag"])

    def _persist(self, bucket: str, key: str, etag: str) -> None:
        # Imports botocore; see session().
        from pipeline.local.object_body import body_of, read_whole

        s3 = self.client("s3")
        read_whole(lambda: self._objects.put(bucket, key, body_of(s3, bucket, key)))
        self._is_same(bucket, key, etag)

    def _is_same(self, bucket: str, key: str, etag: str) -> None:
        with self._lock:
            self._same[bucket, key] = etag

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turns a failure of the server, which answers from memory and does not fail by itself, into words."""
        from botocore.exceptions import BotoCoreError, ClientError

        from pipeline.local.object_body import DamagedError

        try:
            yield
        except (BotoCoreError, ClientError, ConnectionError, DamagedError) as error:
            raise FashionError(
                f"{doing}: expected the local S3 and model registry to answer. Received: {error}. "
                f"{self.death or 'What was saved before is intact: python -m pipeline resume.'}"
            ) from error
