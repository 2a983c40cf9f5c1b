"""The images that `batch` scores, one after another: PNG and JPEG files and rows of IDX files, in folders or S3."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.inference.predicting.idx_rows import iter_rows
from pipeline.inference.predicting.image_file import open_image
from pipeline.inference.predicting.picture import ImageError, Pixels
from pipeline.inference.predicting.preparation import Background, of_data_set, prepare
from pipeline.local.state.objects import Objects, split_uri

_PICTURE = re.compile(r".*\.(png|jpe?g)", re.IGNORECASE | re.DOTALL)
_IDX = re.compile(r".*idx3[^/]*", re.DOTALL)
_TAKEN = "PNG and JPEG files, and IDX files with idx3 in their names"


@dataclass(frozen=True)
class File:
    """A file by its `name` below INPUT; `stamp` changes with its content; `open` gives it a path for a while.

    `named`: the user named it, so that it is an IDX file whatever it is called, unless it is a picture.
    """

    name: str
    stamp: str
    open: Callable[[], AbstractContextManager[Path]]
    named: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its name. `load` gives its pixels, or raises ImageError."""

    name: str
    stamp: str
    load: Callable[[], Pixels]


def images_of(files: Iterator[File], background: Background) -> Iterator[Image]:
    """Every image of the files; those that are neither pictures nor IDX files are passed over."""
    for file in files:
        if _PICTURE.fullmatch(file.name):
            yield Image(file.name, file.stamp, partial(_picture, file, background))
        elif file.named or _IDX.fullmatch(file.name):
            yield from _rows(file, background)


def _picture(file: File, background: Background) -> Pixels:
    with file.open() as path:
        return prepare(open_image(path, file.name), file.name, background).pixels


def _rows(file: File, background: Background) -> Iterator[Image]:
    with file.open() as path:
        rows = iter_rows(path, file.name)
        number = 0
        while True:
            try:
                pixels = next(rows, None)
            except ImageError as error:
                yield Image(f"{file.name}#{number}", file.stamp, partial(_fail, error))
                return
            if pixels is None:
                return
            name = f"{file.name}#{number}"
            yield Image(name, file.stamp, partial(_row, pixels, name, background))
            number += 1


def _row(pixels: Pixels, name: str, background: Background) -> Pixels:
    return of_data_set(pixels, name, background).pixels


def _fail(error: ImageError) -> Pixels:
    raise error


def files_of(path: Path) -> Iterator[File]:
    """The files of a folder and of those in it, by name; or the one file that it is.

    Raises:
        UsageError: there is none to read.
    """
    try:
        if path.is_file():
            yield replace(_file(path, path.name), named=True)
            return
        if not path.is_dir():
            raise UsageError(f"Could not read {path}: it is not a file or folder. Correct the path.")
        next(path.iterdir(), None)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Could not read {path}: {getattr(error, 'strerror', None) or error}. Correct the path."
        ) from None
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if _PICTURE.fullmatch(name) or _IDX.fullmatch(name):
                yield _file(file, file.relative_to(path).as_posix())


def _file(path: Path, name: str) -> File:
    try:
        found = path.stat()
        stamp = f"{found.st_size}-{found.st_mtime_ns}"
    except OSError as error:  # a link that leads nowhere: what is wrong is said when it is opened
        stamp = error.strerror or ""
    return File(name, stamp, _there(path))


def _there(path: Path) -> Callable[[], AbstractContextManager[Path]]:
    return lambda: nullcontext(path)


def local_s3_files(objects: Objects, uri: str) -> Iterator[File]:
    """The objects of the local S3 below a prefix."""
    prefix = f"{uri.rstrip('/')}/"
    start = len(split_uri(prefix)[1])
    for stored in objects.under(prefix):
        yield File(stored.key[start:], stored.sha256, _there(objects.path(stored)))


def aws_files(s3: Any, uri: str, scratch: Path) -> Iterator[File]:
    """The objects of a bucket below a prefix, each fetched when it is opened. Raises what boto3 raises."""
    bucket, prefix = split_uri(f"{uri.rstrip('/')}/")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            key = each["Key"]
            yield File(
                key[len(prefix) :], each["ETag"].strip('"'), partial(_fetched, s3, bucket, key, scratch)
            )


@contextmanager
def _fetched(s3: Any, bucket: str, key: str, scratch: Path) -> Iterator[Path]:
    path = scratch / "object"
    s3.download_file(bucket, key, str(path))
    try:
        yield path
    finally:
        path.unlink()


def nothing_found(where: object) -> UsageError:
    """What to say of an INPUT without any image."""
    return UsageError(f"There is no image in {where}. Accepted are {_TAKEN}.")
