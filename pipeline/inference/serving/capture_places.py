"""Where captured lines are kept: in a folder, in the local S3 of the state folder, or in a bucket on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import FashionError, StateError, UsageError
from pipeline.inference.serving.capture_form import destination
from pipeline.local.state.objects import Objects, split_uri
from pipeline.local.state.ownership import owner_of
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.local.state.write_access import refusal_to_write
from pipeline.spec.bucket_name import local_bucket_problem
from pipeline.targets.aws.aws_errors import AWS_ERRORS, explain


class CaptureError(FashionError):
    """A file of captured lines could not be written."""


class Place(Protocol):
    """The destination of captured lines, called `name`."""

    name: str

    def size(self) -> int:
        """How many bytes are there already, as far as they count."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Make the file at `path` below it, all of it or nothing; raises CaptureError."""
        ...


class FolderPlace:
    """A folder, made where there is none."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError for what cannot be a folder to write to."""
        self.name = str(folder)
        self._folder = folder
        try:
            owner = owner_of(folder)
        except RuntimeError:  # What pathlib says of links that lead in a circle.
            raise UsageError(
                f"Could not capture requests in {folder}: its links lead in a circle. Name another folder with "
                "--capture."
            ) from None
        if owner is not None:
            raise UsageError(
                f"Could not capture requests in {folder}: it is the state folder's own ({owner}). Name another "
                "folder with --capture."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"Could not make the folder {folder} for captured requests: {error.strerror}. Name another with "
                "--capture."
            ) from None
        if refusal := refusal_to_write(folder):
            raise UsageError(
                f"Could not capture requests in {folder}: {refusal}. Name another folder with --capture."
            )

    def size(self) -> int:
        """The size of all files there."""
        return sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())

    def write(self, path: str, content: bytes) -> None:
        """Under another name first, so that nobody reads half of it."""
        file = self._folder / path
        partial = file.with_suffix(".part")
        try:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                partial.write_bytes(content)
                partial.rename(file)
            except OSError:
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise CaptureError(f"Could not write to {self.name}: {error.strerror}") from error


class LocalS3Place:
    """A prefix of the local S3."""

    def __init__(self, uri: str, home: Home, store: Store) -> None:
        self.name = uri
        self._objects = Objects(home, store)

    def size(self) -> int:
        """The size of all objects there."""
        return sum(stored.size for stored in self._objects.under(f"{self.name}/"))

    def write(self, path: str, content: bytes) -> None:
        """Put an object."""
        try:
            self._objects.put(*split_uri(f"{self.name}/{path}"), [content])
        except StateError as error:
            why = getattr(error.__cause__, "strerror", None) or error
            raise CaptureError(f"Could not write to {self.name}: {why}") from error


class AwsPlace:
    """A prefix of a bucket on AWS, of which only what is written now counts. `client` is boto3's for S3."""

    def __init__(self, uri: str, client: Any) -> None:
        self.name = uri
        self._client = client

    def size(self) -> int:
        """Nothing: what a bucket has is nobody's disk."""
        return 0

    def write(self, path: str, content: bytes) -> None:
        """Put an object."""
        bucket, key = split_uri(f"{self.name}/{path}")
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=content)
        except AWS_ERRORS as error:
            raise CaptureError(str(explain(error, f"Writing to {self.name}"))) from error


@contextmanager
def open_place(place: str, version: int, home: Home, s3: Any | None) -> Iterator[Place]:
    """The destination for lines of that version below `place`, a folder or s3:// prefix, while the block lasts.

    `s3` is boto3's client for a bucket on AWS; without it, buckets are those of the local S3.

    Raises:
        UsageError: it can be no such place.
    """
    if not place.startswith("s3://"):
        yield FolderPlace(Path(destination(place, version)))
        return
    problem = local_bucket_problem(split_uri(place)[0])
    if problem:
        raise UsageError(f"Could not capture requests in {place}: {problem}. Name another with --capture.")
    uri = destination(place, version)
    if s3 is not None:
        yield AwsPlace(uri, s3)
        return
    with Store(home) as store:
        yield LocalS3Place(uri, home, store)
