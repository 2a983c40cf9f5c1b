"""Moto's S3 objects, with their contents in the state folder instead of the server's memory (moto_objects.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.s3.models import FakeKey, S3Backend

from pipeline.local.state.contents import Contents
from pipeline.local.state.isolation import ACCOUNT, REGION
from pipeline.local.state.objects import Entry, StoredObject, damage_text

# What S3 tells of an object, by moto's attributes; `_metadata` has the content type too.
_DETAILS = (
    "_storage_class", "_version_id", "_is_versioned", "encryption", "kms_key_id", "bucket_key_enabled",
    "checksum_algorithm", "checksum_value", "checksum_type", "checksum_parts", "website_redirect_location",
    "lock_mode", "lock_legal_status", "lock_until",
)  # fmt: skip
# What moto takes for metadata and S3 does not tell.
_NOT_TOLD = ("x-amz-content-sha256",)


class DamagedObjectError(Exception):
    """An object cannot be read, because its content is damaged or missing on disk; the message says what to do."""


class StoredKey(FakeKey):  # type: ignore[misc]
    """An object whose content is a file of the state folder. Made by `stored_key`, or of moto's own by `keep`."""

    contents: Contents
    sha256: str
    _intact: bool

    @property
    def value(self) -> bytes:
        """The content. Raises DamagedObjectError."""
        path = self.contents.path(self.sha256)
        damage = None if self._intact else self.contents.damage(self.sha256, self.contentsize)
        if damage is None:
            self._intact = True
            try:
                return path.read_bytes()
            except OSError as error:
                damage = f"{path}: {error.strerror}"
        raise DamagedObjectError(damage_text(f"s3://{self.bucket_name}/{self.name}", damage))

    def dispose(self, garbage: bool = False) -> None:
        """Moto gives back an object's memory here; a file stays, as other keys may have the same content."""

    def __del__(self) -> None:
        """See dispose."""

    def __deepcopy__(self, memo: dict[int, Any]) -> StoredKey:
        """Moto lists an object's versions by copies of them; the content stays where it is."""
        copied = object.__new__(StoredKey)
        copied.__dict__.update(self.__dict__)
        return copied


def stored_key(entry: Entry, contents: Contents, backend: S3Backend) -> StoredKey:
    """Moto's object of an entry of the index; what it does not say is as in an object that was just put."""
    key = object.__new__(StoredKey)
    key.contents = contents
    key.sha256 = entry.stored.sha256
    key._intact = False
    key.name = entry.stored.key
    key.bucket_name = entry.stored.bucket
    key.contentsize = entry.stored.size
    key._etag = entry.etag
    key.last_modified = datetime.fromtimestamp(entry.modified, UTC).replace(tzinfo=None)
    if entry.details:
        details = dict(entry.details)
        metadata, tags = details.pop("metadata", None), details.pop("tags", None)
        if metadata is not None:
            key._metadata = type(StoredKey._metadata)(metadata)
        key.__dict__.update({name: value for name, value in details.items() if name in _DETAILS})
        if tags:
            backend.put_object_tagging(key, tags)
    return key


def keep(key: FakeKey, contents: Contents) -> None:
    """Write the content of an object that moto holds in memory to the state folder, and let the memory go.

    Raises:
        StateError: the disk is full, or the folder cannot be written; the object is as it was.
    """
    name = f"s3://{key.bucket_name}/{key.name}"
    etag = key.etag.strip('"')
    content = contents.write([key.value], name)
    FakeKey.dispose(key)
    key._value_buffer = None
    key.multipart = None
    key._etag = etag
    key.__class__ = StoredKey
    key.contents, key.sha256, key._intact = contents, content.sha256, True


def entry_of(key: StoredKey, backend: S3Backend) -> Entry:
    """The entry of the index for moto's object."""
    details = {
        name: getattr(key, name) for name in _DETAILS if getattr(key, name) != getattr(StoredKey, name)
    }
    metadata = {name: value for name, value in key._metadata.items() if name.lower() not in _NOT_TOLD}
    if metadata != dict(StoredKey._metadata):
        details["metadata"] = metadata
    if tags := backend.tagger.get_tag_dict_for_resource(key.arn):
        details["tags"] = tags
    stored = StoredObject(key.bucket_name, key.name, key.sha256, key.contentsize)
    return Entry(stored, key._etag, key.last_modified.replace(tzinfo=UTC).timestamp(), details)


def _take_defaults() -> None:
    """Give StoredKey, as its own, what moto gives to every object: thousands of them then cost little memory."""
    example = FakeKey("", b"", account_id=ACCOUNT, region_name=REGION, version_id="null")
    values: dict[str, Any] = dict(example.__dict__)
    example.dispose()
    for name, value in values.items():
        if name != "_value_buffer":
            setattr(StoredKey, name, value)


_take_defaults()
