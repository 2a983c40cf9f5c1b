"""What the moto server's S3 keeps in the state folder: every object and bucket, whoever makes or deletes it.

An object is on disk when the request that wrote it is answered, and in the index at the next `save`: after a
moment, when a job ends, and when the command ends, however it does. Objects of earlier commands are there from the
start: a bucket's index is read when somebody asks for that bucket, a content when somebody asks for that object.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from moto.s3 import models as moto_models
from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.s3.utils import _VersionedKeyStore

from pipeline.errors import StateError
from pipeline.local.state.isolation import ACCOUNT, REGION
from pipeline.local.state.objects import Entry, Objects
from pipeline.local.state.stored_key import DamagedObjectError, StoredKey, entry_of, keep, stored_key

_SAVE_SECONDS = 0.5
# Requests that change an object without writing it anew.
_CHANGES = ("tagging", "retention", "legal-hold")
StartResponse = Callable[..., object]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class _Keys(_VersionedKeyStore):  # type: ignore[misc]
    """A bucket's objects. `before` has, by key, what was there before the request under way changed it."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[str, list[Any]] = {}

    def pop(self, key: str) -> None:
        self._note(key)
        super().pop(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._note(key)
        super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        self._note(key)
        super().setlist(key, list_)

    def put_back(self) -> None:
        """Undo what the request under way changed."""
        for key, versions in self.before.items():
            if versions:
                dict.__setitem__(self, key, versions)
            else:
                dict.pop(self, key, None)
        self.before.clear()

    def _note(self, key: str) -> None:
        self.before.setdefault(key, list(self.getlist(key, [])))


class _Bucket(FakeBucket):  # type: ignore[misc]
    """A bucket whose objects are read from the index when somebody asks for them."""

    _read: Callable[[str], _Keys]
    _keys: _Keys | None
    saved_versioning: str | None

    @property
    def keys(self) -> _Keys:
        """The objects."""
        if self._keys is None:
            self._keys = self._read(self.name)
        return self._keys

    @keys.setter
    def keys(self, keys: object) -> None:
        """Moto's constructor sets its own."""


class _Buckets(dict[str, Any]):
    """The buckets; those that moto makes are kept from then on. `changed` since the last request."""

    def __init__(self, kept: KeptS3) -> None:
        super().__init__()
        self._kept = kept
        self.changed: set[str] = set()

    def __setitem__(self, name: str, bucket: Any) -> None:
        super().__setitem__(name, self._kept.adopt(bucket, _Keys()))
        self.changed.add(name)

    def pop(self, name: str, *default: Any) -> Any:
        self.changed.add(name)
        return super().pop(name, *default)


class KeptS3:
    """A WSGI application around moto's, which answers one request at a time. `save` and `reload` may be called from
    other threads, `reload` only while no request is under way."""

    def __init__(self, application: Application, objects: Objects) -> None:
        self._application = application
        self._objects = objects
        # What no bucket may be called is refused before a job runs (pipeline/spec/bucket_name.py).
        moto_models.MIN_BUCKET_NAME_LENGTH = 1
        self._backend = s3_backends[ACCOUNT]["aws"]
        self._buckets = _Buckets(self)
        self._backend.buckets = self._buckets
        self._listed = False
        self._guard = threading.Lock()
        self._saving = threading.Lock()
        # What the index does not have yet: None is an object that was deleted, False a bucket that was.
        self._entries: dict[tuple[str, str], Entry | None] = {}
        self._made: dict[str, str | bool | None] = {}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; what it changed is on disk afterwards, or has not been changed."""
        self._list_buckets()
        answered: list[Any] = []
        try:
            body = self._application(environ, lambda *answer: answered.append(answer))
            self._settle(environ)
        except DamagedObjectError as error:
            self._put_back()
            return _refusal("409 Conflict", "DamagedObject", str(error), start_response)
        except StateError as error:
            self._put_back()
            return _refusal("507 Insufficient Storage", "InsufficientStorage", str(error), start_response)
        except BaseException:
            self._put_back()
            raise
        start_response(*answered[-1])
        return body

    def adopt(self, bucket: FakeBucket, keys: _Keys | None) -> _Bucket:
        """Make a bucket of moto's one that is kept; None: its objects are in the index."""
        bucket.__class__ = _Bucket
        kept: _Bucket = bucket
        kept._read, kept._keys, kept.saved_versioning = self._read_keys, keys, bucket.versioning_status
        return kept

    def save(self) -> None:
        """Bring the index up to date.

        Raises:
            StateError: the disk is full, or the state folder cannot be written; it can be tried again.
        """
        with self._saving:
            with self._guard:
                entries, made = self._entries, self._made
                self._entries, self._made = {}, {}
            if not entries and not made:
                return
            try:
                there = [entry for entry in entries.values() if entry is not None]
                self._objects.contents.sync([entry.stored.sha256 for entry in there])
                self._objects.record(
                    there,
                    gone=[name for name, entry in entries.items() if entry is None],
                    buckets={
                        name: versioning
                        for name, versioning in made.items()
                        if not isinstance(versioning, bool)
                    },
                    gone_buckets=[name for name, versioning in made.items() if versioning is False],
                )
            except BaseException:
                with self._guard:
                    self._entries, self._made = {**entries, **self._entries}, {**made, **self._made}
                raise

    def save_now_and_then(self) -> None:
        """Save every half second, forever; what fails is tried again."""
        pause = threading.Event()
        while not pause.wait(_SAVE_SECONDS):
            try:
                self.save()
            except StateError as error:
                print(error, flush=True)

    def reload(self, name: str, prefix: str) -> None:
        """Read what the index says of a bucket's keys that begin with `prefix`: another process has changed it."""
        self._list_buckets()
        bucket = self._buckets.get(name)
        if bucket is None:
            self._add_bucket(name, None)
            return
        keys = bucket._keys
        if keys is None:
            return  # Nobody has asked for it yet.
        with self._saving:
            with self._guard:
                newer = {key for bucket_name, key in self._entries if bucket_name == name}
            for key in [key for key in dict(keys) if key.startswith(prefix) and key not in newer]:
                dict.pop(keys, key)
            for entry in self._objects.entries(name, prefix):
                if entry.stored.key not in newer:
                    self._put(keys, entry)

    def _list_buckets(self) -> None:
        if not self._listed:
            for name, versioning in self._objects.buckets().items():
                self._add_bucket(name, versioning)
            self._listed = True

    def _add_bucket(self, name: str, versioning: str | None) -> None:
        bucket = FakeBucket(name, ACCOUNT, REGION)
        bucket.versioning_status = versioning
        dict.__setitem__(self._buckets, name, self.adopt(bucket, None))

    def _read_keys(self, name: str) -> _Keys:
        keys = _Keys()
        for entry in self._objects.entries(name):
            self._put(keys, entry)
        return keys

    def _put(self, keys: _Keys, entry: Entry) -> None:
        dict.__setitem__(keys, entry.stored.key, [stored_key(entry, self._objects.contents, self._backend)])

    def _settle(self, environ: dict[str, Any]) -> None:
        """Write the contents of what the request put to disk, and note for the index what it changed."""
        self._note_change_in_place(environ)
        entries: dict[tuple[str, str], Entry | None] = {}
        for name, bucket in self._buckets.items():
            if bucket._keys is None or not bucket._keys.before:
                continue
            for key in bucket._keys.before:
                versions = bucket._keys.getlist(key, [])
                for version in versions:
                    if type(version) is FakeKey:
                        keep(version, self._objects.contents)
                latest = versions[-1] if versions else None
                entries[name, key] = (
                    entry_of(latest, self._backend) if isinstance(latest, StoredKey) else None
                )
        made: dict[str, str | bool | None] = {}
        for name in {*self._buckets.changed, *self._addressed(environ)}:
            bucket = self._buckets.get(name)
            if bucket is None:
                made[name] = False
            elif name in self._buckets.changed or bucket.saved_versioning != bucket.versioning_status:
                made[name] = bucket.saved_versioning = bucket.versioning_status
        with self._guard:
            self._entries.update(entries)
            self._made.update(made)
        for bucket in self._buckets.values():
            if bucket._keys is not None:
                bucket._keys.before.clear()
        self._buckets.changed.clear()
        # Moto keeps every object that there ever was in this list.
        FakeKey.instances_tracked.clear()

    def _put_back(self) -> None:
        for bucket in self._buckets.values():
            if bucket._keys is not None:
                bucket._keys.put_back()

    def _addressed(self, environ: dict[str, Any]) -> list[str]:
        """The bucket that a request to change something names; none if it only reads."""
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return []
        name = environ["PATH_INFO"].lstrip("/").partition("/")[0]
        return [name] if name in self._buckets else []

    def _note_change_in_place(self, environ: dict[str, Any]) -> None:
        asked = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if not any(name in asked for name in _CHANGES):
            return
        for name in self._addressed(environ):
            # WSGI has a path's bytes as Latin-1.
            key = (
                environ["PATH_INFO"].lstrip("/").partition("/")[2].encode("latin-1").decode(errors="replace")
            )
            keys = self._buckets[name].keys
            if key in keys:
                keys.before.setdefault(key, list(keys.getlist(key)))


def _refusal(status: str, code: str, text: str, start_response: StartResponse) -> list[bytes]:
    """An S3 error that clients show and do not repeat."""
    from xml.sax.saxutils import escape

    body = f"<Error><Code>{code}</Code><Message>{escape(text)}</Message></Error>".encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]
