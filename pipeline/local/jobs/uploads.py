"""Puts files of this machine into the local S3, for definitions whose inputs lie in a bucket (`run --upload`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.jobs.channels import named_files, upload_files
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import split_uri
from pipeline.plain_files import FOLDER, kind_of
from pipeline.spec.bucket_name import local_bucket_problem
from pipeline.spec.s3_address import as_s3


@dataclass(frozen=True)
class Upload:
    """A file or folder, and the s3:// URI of the object, or the prefix of the objects, that it becomes."""

    path: Path
    uri: str

    def files(self) -> list[tuple[Path, str]]:
        """Each file, and the URI of the object that it becomes."""
        return [(self.path, self.uri)] if self.path.is_file() else named_files(self.path, self.uri)


def parse_upload(text: str) -> Upload:
    """The upload that `PATH=s3://bucket/key` asks for.

    Raises:
        UsageError: `text` has another form, S3 takes no bucket of that name, or there is no such file, or no file
            in that folder.
    """
    path, separator, address = text.rpartition("=s3://")
    upload = Upload(Path(path), f"s3://{address}")
    if not path or not separator or not address.strip("/"):
        raise UsageError(f"--upload must be PATH=s3://bucket/prefix, not {text!r}.")
    _check_bucket(upload.uri)
    if upload.path.is_file():
        if upload.uri.endswith("/"):
            return Upload(upload.path, upload.uri + upload.path.name)
        if not split_uri(upload.uri)[1]:
            raise UsageError(
                f"--upload {text!r} has no key for the file after the bucket. End it with / to keep the "
                "file's name."
            )
        return upload
    kind = kind_of(upload.path)
    if kind not in (None, FOLDER):
        raise UsageError(
            f"Could not read --upload {upload.path}: it is {kind}, not a plain file or a folder. Save it to a file "
            "first."
        )
    inside = sorted(upload.path.rglob("*"))
    for file in inside:
        kind = kind_of(file)
        if kind not in (None, FOLDER):
            raise UsageError(
                f"Could not read --upload {upload.path}: {file} is {kind}, not a plain file or a folder. Remove "
                "it, or name the files that are meant."
            )
    if not any(file.is_file() for file in inside):
        raise UsageError(f"--upload {upload.path}: there is no such file, and no folder with files.")
    return upload


def put_files(aws: LocalAws, uploads: Iterable[Upload]) -> list[int]:
    """Copy the files to the local S3, where they stay for later commands, in place of older ones: all or none of
    them. Returns how many each upload has.

    Raises:
        UsageError: S3 takes no bucket of that name.
        StepFailed: a file cannot be read.
        StateError: the state folder cannot be written.
    """
    uploads = list(uploads)
    for item in uploads:
        _check_bucket(item.uri)
    files = [item.files() for item in uploads]
    upload_files(aws, [each for named in files for each in named], stop=threading.Event())
    return [len(named) for named in files]


def will_be_there(uploads: Sequence[Upload]) -> Callable[[str], bool]:
    """Whether one of the uploads, once made, is an object whose key begins with that of an s3:// URI."""
    uris = [uri for item in uploads for _, uri in item.files()]
    return lambda wanted: any(uri.startswith(as_s3(wanted)) for uri in uris)


def _check_bucket(uri: str) -> None:
    if problem := local_bucket_problem(split_uri(uri)[0]):
        raise UsageError(f"Could not make the bucket of --upload: {problem}.")
