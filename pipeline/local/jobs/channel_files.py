"""Which S3 objects an input names, and where each lands below the input's folder, as the service does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from pipeline.errors import StepFailed
from pipeline.local.state.contents import pieces_of
from pipeline.local.state.objects import Objects, StoredObject, split_uri
from pipeline.spec.argument_rules import MANIFEST_FILE, S3_PREFIX
from pipeline.spec.json_text import parse_document


def input_files(
    objects: Objects, uri: str, data_type: str = S3_PREFIX, leave_out: Callable[[str], None] | None = None
) -> dict[str, StoredObject]:
    """The objects of the input at `uri`, in the order of their keys, by their paths relative to the input's folder.

    S3Prefix: all objects whose keys begin with that of `uri`, which may end within a name: `in/a` takes `in/a.txt`
    and `in/abc/x`. Of a key its last folder's part is left out, so that these become `a.txt` and `abc/x`, and
    `in/a/x`, whose folder it names, `x`. ManifestFile: `uri` is a JSON list of a prefix and what comes behind it,
    which is each object's path, too. With `leave_out`, an object that the service would not take is left out and
    told to it.

    Raises:
        StepFailed: two objects have the same path, one leads out of the folder, or the manifest is malformed.
    """
    found: dict[str, StoredObject] = {}
    named = _listed(objects, uri) if data_type == MANIFEST_FILE else _prefixed(objects, uri)
    for path, stored in named:
        if path.endswith("/") or not path:
            continue  # A console's marker of an empty folder.
        if problem := _problem(stored, path):
            if leave_out is None:
                raise StepFailed(
                    f"Could not copy {stored.uri} into the job's folder: {problem}. Store it under another key."
                )
            leave_out(f"{stored.uri}: {problem}")
            continue
        if path in found:
            raise StepFailed(
                f"Could not copy {uri} into the job's folder: {found[path].uri} and {stored.uri} would both become "
                f"{path}. Let the URI end with / to name one folder."
            )
        found[path] = stored
    return found


def _problem(stored: StoredObject, path: str) -> str | None:
    """Why the service would not take an object; None when it would."""
    if "//" in f"{stored.bucket}/{stored.key}":
        return "SageMaker takes no key with “//” in it"
    return "its key has “..” in it" if ".." in PurePosixPath(path).parts else None


def _prefixed(objects: Objects, uri: str) -> Iterator[tuple[str, StoredObject]]:
    _, prefix = split_uri(uri)
    inside = prefix.rpartition("/")[0]
    for stored in objects.under(uri):
        # A prefix that is a whole folder's name stands for that folder.
        start = len(prefix) if stored.key[len(prefix) :].startswith("/") else len(inside)
        yield stored.key[start:].removeprefix("/"), stored


def _listed(objects: Objects, uri: str) -> Iterator[tuple[str, StoredObject]]:
    bucket, key = split_uri(uri)
    manifest = objects.find(bucket, key)
    if manifest is None:
        return
    objects.check(manifest)
    prefix, paths = _parse(uri, b"".join(pieces_of(objects.path(manifest))))
    for path in paths:
        stored = objects.find(*split_uri(prefix + path))
        if stored is None:
            raise StepFailed(
                f"Could not copy what the manifest {uri} lists: there is no {prefix}{path} in the local S3. Put it "
                "there, or correct the manifest."
            )
        yield path.lstrip("/"), stored


def _parse(uri: str, text: bytes) -> tuple[str, list[str]]:
    """The prefix of a manifest, and what it lists."""
    try:
        document: Any = parse_document(text)
    except ValueError as error:
        raise StepFailed(f"The manifest {uri} is not JSON: {error}. Correct it.") from error
    match document:
        case [{"prefix": str(prefix)}, *paths] if prefix.startswith("s3://") and all(
            isinstance(path, str) and path for path in paths
        ):
            return prefix, sorted(dict.fromkeys(paths))
        case _:
            raise StepFailed(
                f'The manifest {uri} must be a JSON list [{{"prefix": "s3://bucket/folder/"}}, "name", …] '
                f"(it begins with {text[:60].decode(errors='replace')!r}). Correct it."
            )
