"""Captured requests on this machine: whose they are, and how they reach the local S3, where the job reads them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.inference.serving.capture_form import captured_of
from pipeline.local.jobs.channels import upload_files
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import split_uri

CAPTURE_FIRST = "Start with: python -m pipeline serve --capture DIR"


def files_in(folder: Path) -> dict[str, Path]:
    """The files of captured requests below a folder, by their path from model-version-V on.

    Raises:
        UsageError: it cannot be read, or has none.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder} with captured requests. {CAPTURE_FIRST}")
    files = {}
    for file in sorted(folder.resolve().rglob("*.jsonl")):
        path = file.as_posix()
        if captured_of(path) is not None and file.is_file():
            files[path[path.rindex("/model-version-") + 1 :]] = file
    if not files:
        raise UsageError(
            f"{folder} has no captured requests: no file model-version-V/ENDPOINT/VARIANT/yyyy/mm/dd/hh/NAME.jsonl."
            f" {CAPTURE_FIRST}"
        )
    return files


def endpoint_of(names: Iterable[str], wanted: str | None, place: str) -> str:
    """The endpoint whose requests are compared: the one that is wanted, or the only one of these paths.

    Raises:
        UsageError: there are no requests of it, or of several and none is wanted.
    """
    found = sorted({captured.endpoint for name in names if (captured := captured_of(name)) is not None})
    if not found:
        raise UsageError(f"There are no captured requests below {place}. {CAPTURE_FIRST}")
    if wanted is not None and wanted not in found:
        raise UsageError(
            f"{place} has no requests of the endpoint {wanted}; it has those of {', '.join(found)}."
        )
    if wanted is None and len(found) > 1:
        raise UsageError(
            f"{place} has requests of several endpoints: {', '.join(found)}. Choose one with --endpoint."
        )
    return wanted or found[0]


def put(aws: LocalAws, files: dict[str, Path], uri: str) -> str:
    """Copies the files into the local S3, below an address that names them and their content, and returns that.

    Raises:
        UsageError: a file cannot be read.
    """
    named = "\n".join(f"{name} {_digest(file)}" for name, file in sorted(files.items()))
    place = f"{uri}/{hashlib.sha256(named.encode()).hexdigest()[:16]}"
    aws.ensure_bucket(split_uri(place)[0])
    present = {stored.uri for stored in aws.stored_objects(place)}
    missing = [(file, f"{place}/{name}") for name, file in files.items() if f"{place}/{name}" not in present]
    upload_files(aws, missing, stop=threading.Event())
    return place


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"Could not read {file}: {error.strerror}.") from error
