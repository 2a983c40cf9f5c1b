"""Copies between S3 and a job's folder: its input before it starts, its output after it succeeded.

Without requests to the local S3: what is in it is on disk (objects.py), and thousands of small files would take as
many requests.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.botocore_errors import client_errors
from pipeline.errors import StateError, StepFailed
from pipeline.local.jobs.channel_files import input_files
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.state.contents import Content, UnreadableError, pieces_of, pieces_of_open
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import StoredObject, damage_text, split_uri
from pipeline.spec.argument_rules import S3_PREFIX
from pipeline.spec.definition import Json
from pipeline.spec.json_text import parse_document

# What to do about an S3 object that nothing here wrote; format it with the `uri`.
UPLOAD_HINT = (
    "Nothing is fetched from outside: put your copy there with run --definition … --upload PATH={uri}, or correct "
    "the definition."
)
_LONGEST_KEY_BYTES = 1024


@contextlib.contextmanager
def s3_errors(doing: str) -> Iterator[None]:
    """Turns what boto3 and the file system raise into StepFailed, naming what was being done."""
    try:
        yield
    except client_errors() as error:
        raise StepFailed(f"{doing}: the local S3 failed: {error}. Run the pipeline again.") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise StepFailed(
                f"{doing}: {error.filename!r} is too long a name for a file (255 bytes at most). Shorten it."
            ) from error
        said = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        raise StepFailed(
            f"{doing}: {said}. Free or grant what is missing and run the pipeline again."
        ) from error


def download(
    aws: LocalAws,
    uri: str,
    folder: Path,
    *,
    stop: threading.Event,
    data_type: str = S3_PREFIX,
    required: bool = True,
    shard: tuple[int, int] = (0, 1),
    leave_out: Callable[[str], None] | None = None,
) -> int:
    """Copy the objects of the input at `uri` (see input_files) into `folder`; returns their total bytes.

    Nothing at all is an error if `required`. `shard` is ShardedByS3Key: (1, 3) copies the second, the fifth, … of
    the objects in the order of their keys. SageMaker promises about 1/n of them to each of n instances, not which.

    With `leave_out`, an object that is damaged, or whose key can be no file here, is left out and told to it: a job
    can do without it. A damaged one is set aside.

    Raises:
        StepFailed: nothing is there, a copy differs from the original, or the disk is full.
        StepStopped: `stop` was set.
    """
    rank, hosts = shard
    total = 0
    aws.save_objects()
    files = input_files(aws.objects, uri, data_type, leave_out)
    if required and not files:
        raise StepFailed(
            f"Could not copy {uri} into the job's folder: there is nothing there in the local S3. If a step "
            f"should have written it, look at its log. {UPLOAD_HINT.format(uri=uri)}"
        )
    made: set[Path] = set()
    with s3_errors(f"Copying {uri} into the job's folder"):
        for path, stored in list(files.items())[rank::hosts]:
            if stop.is_set():
                raise StepStopped
            if leave_out is not None:
                if damage := aws.objects.damage(stored):
                    leave_out(f"{stored.uri}: {damage}.{aws.set_aside(stored)}")
                    continue
                if why := _unusable(folder / path):
                    leave_out(f"{stored.uri}: {why}")
                    continue
            target = folder / path
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            total += _copy(aws, stored, target, stop)
    return total


def upload(
    aws: LocalAws, folders: Iterable[tuple[Path, str]], *, stop: threading.Event, ours: bool = False
) -> list[int]:
    """Copy every file of each (folder, URI) to S3 under the prefix that the URI is; returns how many of each.

    Links to files count as files. All of them reach S3, or none. `ours`: nobody needs these files afterwards, or
    writes to them.

    Raises:
        StepFailed: a file cannot be read, or its name cannot be a key.
        StateError: the disk is full, or the state folder cannot be written.
        StepStopped: `stop` was set.
    """
    named = [named_files(folder, uri) for folder, uri in folders]
    upload_files(aws, [each for files in named for each in files], stop=stop, ours=ours)
    return [len(files) for files in named]


def named_files(folder: Path, uri: str) -> list[tuple[Path, str]]:
    """Every file of a folder, and the URI of the object that it becomes under the prefix `uri`."""
    prefix = uri.rstrip("/")
    return [(path, f"{prefix}/{path.relative_to(folder).as_posix()}") for path in _files_in(folder)]


def upload_files(
    aws: LocalAws, files: Iterable[tuple[Path, str]], *, stop: threading.Event, ours: bool = False
) -> None:
    """Copy each (file, URI) to the object at the URI: all of them or none; `ours` and errors as for upload."""
    store = aws.objects.contents
    contents: dict[str, Content] = {}
    for path, uri in files:
        if stop.is_set():
            raise StepStopped
        _check_key(path, uri)
        with _reading(path, uri):
            contents[uri] = store.adopt(path, uri) if ours else store.write(pieces_of(path), uri)
    aws.put_contents(contents)


def upload_open_file(aws: LocalAws, file: BinaryIO, path: Path, uri: str) -> None:
    """Copy an open file, called `path` in the job's folder, to the object at `uri`; errors as for upload."""
    _check_key(path, uri)
    with _reading(path, uri):
        content = aws.objects.contents.write(pieces_of_open(file, path), uri)
    aws.put_contents({uri: content})


@contextlib.contextmanager
def _reading(path: Path, uri: str) -> Iterator[None]:
    """Raises StepFailed when a file of the job cannot be read."""
    try:
        yield
    except UnreadableError as error:
        raise StepFailed(
            f"Could not copy {path} of the job to {uri}: {error.strerror}. Let the job leave files that can be "
            "read."
        ) from error


def read_json(aws: LocalAws, uri: str) -> Json:
    """The JSON document at `uri`.

    Raises:
        StepFailed: it is missing or not JSON.
        StateError: it is damaged.
    """
    bucket, key = split_uri(uri)
    aws.save_objects()
    stored = aws.objects.find(bucket, key)
    if stored is None:
        raise StepFailed(
            f"Could not read {uri}: there is nothing there in the local S3. If a step should have written "
            f"it, look at its log. {UPLOAD_HINT.format(uri=uri)}"
        )
    aws.objects.check(stored)
    try:
        return parse_document(aws.objects.path(stored).read_bytes())
    except ValueError as error:
        raise StepFailed(
            f"Could not read {uri}: it is not a JSON document: {error}. Correct what the step writes."
        ) from error


def _files_in(folder: Path) -> Iterator[Path]:
    """The files below a folder, sorted; sockets, pipes and dangling links are none."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _check_key(path: Path, uri: str) -> None:
    """Raises StepFailed when S3 takes no such key."""
    _, key = split_uri(uri)
    try:
        problem = (
            f"S3 takes keys of at most {_LONGEST_KEY_BYTES} bytes"
            if len(key.encode()) > _LONGEST_KEY_BYTES
            else None
        )
    except UnicodeEncodeError:
        problem = "its name is not UTF-8, which S3's keys are"
    if problem:
        raise StepFailed(
            f"Could not copy {str(path)!r} of the job to {uri!r}: {problem}. Give it another name."
        )


def _unusable(target: Path) -> str | None:
    """Why no file can be written at `target`; None when one can."""
    try:
        if target.is_dir():
            return "its key is also the beginning of another's"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.lstat()
    except FileNotFoundError:
        return None
    except (NotADirectoryError, FileExistsError):
        return "its key begins with the whole of another's"
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENAMETOOLONG:
            raise
        return "its key is no file name here"
    return None


def _copy(aws: LocalAws, stored: StoredObject, target: Path, stop: threading.Event) -> int:
    """Copy an object's content to `target`, whose folder there is; returns its bytes."""
    digest = hashlib.sha256()
    try:
        with target.open("wb") as file:
            for piece in pieces_of(aws.objects.path(stored)):
                if stop.is_set():
                    raise StepStopped
                file.write(piece)
                digest.update(piece)
    except UnreadableError as error:
        raise StateError(damage_text(stored.uri, f"{error.filename}: {error.strerror}")) from error
    if digest.hexdigest() != stored.sha256:
        raise StateError(damage_text(stored.uri, str(aws.objects.damage(stored))))
    return stored.size
