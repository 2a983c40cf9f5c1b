"""The S3 and SageMaker of the local target: a moto server process on loopback, and what must outlive it on disk.

The process is started when somebody asks it: a client of ours, or a job (standby.py).

What is in S3 is in the state folder (objects.py): the server keeps there what jobs and clients put
(moto_objects.py), and the engine puts and reads objects there itself, without a request for each, and tells the
server of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pipeline.errors import FashionError
from pipeline.local.state import isolation
from pipeline.local.state.contents import Content
from pipeline.local.state.credentials import Credentials, new_credentials
from pipeline.local.state.moto_server import MotoServer
from pipeline.local.state.objects import Objects, StoredObject, new_entry, split_uri
from pipeline.local.state.registry_state import Record, RegistryState
from pipeline.local.state.standby import Standby
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.loopback_requests import names_of

# A server that joins hundreds of megabytes in memory, on a machine that trains meanwhile, can take long to answer.
ANSWER_SECONDS = 60.0


class LocalAws:
    """A moto server of its own while the context lasts, if it is asked. Several threads may call the methods."""

    REGION: ClassVar[str] = isolation.REGION
    ACCOUNT: ClassVar[str] = isolation.ACCOUNT
    BUCKET: ClassVar[str] = isolation.BUCKET

    def __init__(
        self,
        home: Home,
        store: Store,
        host: str = "127.0.0.1",
        answer_seconds: float = ANSWER_SECONDS,
        called: str | None = None,
        holding: int | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        """`host` is where the server listens: another address than loopback only for containers to reach it.

        `called` is what containers call it, if they call it otherwise. A request that has no answer for
        `answer_seconds` is repeated twice, then it fails. `holding` is the descriptor of the state folder's lock,
        which the server then holds too: if we are killed, it still saves what it has. `credentials`: the key of
        whose requests it answers; None: a new one.
        """
        self._home = home
        self.host = host
        self._called_in_containers = called or host
        self._called = names_of(host) | (names_of(called) if called else frozenset())
        self._holding = holding
        self.credentials = credentials or new_credentials()
        self._answer_seconds = answer_seconds
        # What jobs ask in the server's place, and passes their requests on: a test's, that looks at them.
        self.asked_by_jobs: str | None = None
        self._objects = Objects(home, store)
        self._registry = RegistryState(store)
        # Is told of each package that is new or was updated, behind what it was.
        self.package_changed: Callable[[Record | None, Record], None] = lambda before, now: None
        self._standby: Standby | None = None
        self._server: MotoServer | None = None
        # Why there is no server although a job asked for it.
        self._fault: str | None = None
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen for whoever asks; the server starts for the first who does (about 1 s).

        Raises:
            FashionError: the host is no address of this machine.
        """
        self._standby = Standby(self.host, self._wanted)

    def stop(self) -> None:
        """Save what is in S3, end the server and remove its temporary files. The registry must have been saved.

        Raises:
            StateError: the disk is full, or the state folder cannot be written.
        """
        try:
            if self._server is not None and self._server.may_answer:
                self.save_objects()
        finally:
            with self._lock:
                standby, self._standby = self._standby, None
                server, self._server = self._server, None
                for client in self._clients.values():
                    client.close()
                self._clients.clear()
            if standby is not None:
                standby.end()
            if server is not None:
                server.stop()

    def _wanted(self) -> None:
        """Start the server for a job, in whose place nobody is told of a failure: `death` says it."""
        with self._lock:
            if self._standby is None:
                return
            try:
                self._started()
            except FashionError as error:
                self._fault = str(error)
                self._standby.end()

    def _started(self) -> MotoServer:
        """The server, started now if it was not. It need not listen yet."""
        with self._lock:
            if self._standby is None:
                raise RuntimeError("LocalAws is used before start() or after stop()")
            if self._server is None:
                if self._fault is not None:
                    raise FashionError(self._fault)
                self._server = MotoServer(
                    self._home, self._standby, self._called, self.credentials, self._holding
                )
            return self._server

    @property
    def endpoint_url(self) -> str:
        """Where the server listens, or will when somebody asks it, e.g. `http://127.0.0.1:40123`."""
        if self._standby is None:
            raise RuntimeError("LocalAws is used before start() or after stop()")
        return f"http://{self.host}:{self._standby.port}"

    @property
    def death(self) -> str | None:
        """What to say when the server's process has ended by itself, or could not start; None otherwise."""
        with self._lock:
            server = self._server
        how = self._fault if server is None else server.death()
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
                server = self._started()
                # Here and not at the top: importing boto3 takes half a second, in which the server starts.
                from pipeline.local.state.clients import LoopbackSession, patient

                server.wait_until_ready()
                session = LoopbackSession(self.endpoint_url, self.credentials, patient(self._answer_seconds))
                self._clients["s3"] = session.client("s3")
                with self.faults("Starting"):
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

    def job_environment(self, *, in_container: bool = False) -> dict[str, str]:
        """The AWS part of a job's environment; the job must get no other AWS_* variable."""
        url, host = self.asked_by_jobs or self.endpoint_url, self.host
        if in_container:
            url, host = url.replace(self.host, self._called_in_containers), self._called_in_containers
        return isolation.aws_settings(url, self.credentials) | isolation.direct_loopback(host)

    @property
    def objects(self) -> Objects:
        """What the state folder has of the local S3: all of it, as of the last `save_objects`."""
        return self._objects

    def ensure_bucket(self, bucket: str) -> None:
        """Create the bucket if it is missing (BUCKET exists from the start)."""
        with self._lock:
            if self._server is None:
                if bucket not in self._objects.buckets():
                    self._objects.record([], buckets={bucket: None})
                return
        with self.faults(f"Making the bucket {bucket}"):
            self.client("s3").create_bucket(Bucket=bucket)

    def save_objects(self) -> None:
        """Write what jobs and clients have put into S3, and deleted there, to disk, should it not be there yet.

        Raises:
            StateError: the disk is full, or the state folder cannot be written.
        """
        if self._server is not None:
            with self.faults("Saving what was put into the local S3"):
                self._server.ask(do="save")

    def stored_objects(self, uri: str) -> list[StoredObject]:
        """What is in S3 under the s3:// prefix, by key."""
        self.save_objects()
        return self._objects.under(uri)

    def put_contents(self, contents: Mapping[str, Content]) -> None:
        """Make contents that were written (objects.contents) the objects at these s3:// URIs, all of them or none.

        Raises:
            StateError: the disk is full, or the state folder cannot be written.
        """
        entries = [new_entry(*split_uri(uri), content) for uri, content in contents.items()]
        if not entries:
            return
        self._objects.contents.sync([entry.stored.sha256 for entry in entries])
        self.save_objects()
        self._objects.record(entries)
        self._announce(entry.stored for entry in entries)

    def delete_objects(self, stored: Sequence[StoredObject]) -> None:
        """Take objects out of S3. Raises StateError when the database fails."""
        if not stored:
            return
        self.save_objects()
        self._objects.record([], gone=[(each.bucket, each.key) for each in stored])
        self._announce(stored)

    def set_aside(self, stored: StoredObject) -> str:
        """Take a damaged object out of S3; returns what to say of its file, which is kept under another name."""
        said = self._objects.set_aside(stored)
        self._announce([stored])
        return said

    def _announce(self, changed: Iterable[StoredObject]) -> None:
        """Tell the server which objects were changed beside it."""
        keys: dict[str, list[str]] = {}
        for stored in changed:
            keys.setdefault(stored.bucket, []).append(stored.key)
        if self._server is not None:
            with self.faults("Telling the local S3 of new objects"):
                for bucket, names in keys.items():
                    self._server.ask(do="reload", bucket=bucket, prefix=_shared_beginning(names))

    def check_registry(self) -> None:
        """Raise StateError when the saved model packages cannot be read, so that the server could not have them."""
        self._registry.groups()
        self._registry.packages()

    @property
    def registry(self) -> RegistryState:
        """What the state folder has of the model registry."""
        return self._registry

    def persist_registry(self) -> None:
        """Write new packages and changes of approval or metadata to disk."""
        if self._server is not None:
            with self.faults("Saving the model registry"):
                changes = self._registry.persist(self.client("sagemaker"))
            for before, now in changes:
                self.package_changed(before, now)

    @contextmanager
    def faults(self, doing: str) -> Iterator[None]:
        """Turns a failure of the server within the block into words: it has died, or the disk is full.

        Raises:
            FashionError: in place of what boto3 raises.
        """
        try:
            yield
        except client_failures() as error:
            if "InsufficientStorage" in str(error):
                said = str(error).rpartition("operation: ")[2].rstrip(".")
                raise FashionError(f"{doing} failed: {said}. Then run the same command again.") from error
            raise FashionError(
                f"{doing}: the local S3 and model registry did not answer: {error}. "
                f"{self.death or 'What was saved before is intact: python -m pipeline resume.'}"
            ) from error


def client_failures() -> tuple[type[Exception], ...]:
    """What clients of the server raise. Importing them takes a third of a second: only when something is raised."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    return (Boto3Error, BotoCoreError, ClientError, ConnectionError)


def _shared_beginning(names: Sequence[str]) -> str:
    """What all `names` begin with, character by character."""
    first, last = min(names), max(names)
    return next((first[:end] for end, letter in enumerate(first) if last[end : end + 1] != letter), first)
