"""Rows of IDX image files, as the data set is distributed: `t10k-images-idx3-ubyte.gz#17` (the first row is 0).

A file is 0, 0, the type code 8 (unsigned bytes), 3, then count, height and width as big-endian 32-bit numbers, then
the values (http://yann.lecun.com/exdb/mnist/, "The IDX file format").
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn, cast

import numpy as np

from pipeline.inference.predicting.picture import SIDE, ImageError, Pixels
from pipeline.plain_files import open_plain
from pipeline.printable import printable

MAX_ROWS = 10_000  # named at once: as many as the test images
_IMAGES = b"\x00\x00\x08\x03"
_LABELS = b"\x00\x00\x08\x01"
_IMAGES_NAME = re.compile(r"images([-.])idx3")  # with a dot in Kaggle's packaging
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_NAMED = re.compile(r"(?P<file>.+)#(?P<rows>[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)")
_DIGITS = 10  # of the highest row that a header can announce; a number of thousands is none for Python


def parse_rows(argument: str) -> tuple[str, tuple[int, ...]] | None:
    """The file and the rows that `FILE#17`, `FILE#0-9` or `FILE#3,17-19` names; None when it is no such text.

    Raises:
        ImageError: a range that ends before it begins, too many rows, or a number that is none of a row.
    """
    found = _NAMED.fullmatch(argument)
    if found is None:
        return None
    rows: list[int] = []
    for part in found["rows"].split(","):
        first, _, last = part.partition("-")
        valid = max(len(first), len(last)) <= _DIGITS
        begin, end = (int(first), int(last or first)) if valid else (0, 0)
        if not valid or end < begin or end - begin + len(rows) >= MAX_ROWS:
            shown = part if len(part) <= 2 * _DIGITS + 1 else f"{part[:_DIGITS]}…"
            raise ImageError(
                f"Rows of {printable(found['file'])} must be ranges like 0-9, with at most {MAX_ROWS:,} "
                f"rows, not {shown}."
            )
        rows += range(begin, end + 1)
    return found["file"], tuple(rows)


def read_rows(path: Path, rows: Sequence[int], source: str) -> tuple[Pixels, ...]:
    """The images (uint8, 28×28) of those rows. The whole file is read and checked, and never held in memory.

    Raises:
        ImageError: it cannot be read, is no IDX file of 28×28 images, is damaged, or has no such row.
    """
    return tuple(
        np.frombuffer(record, np.uint8).reshape(SIDE, SIDE)
        for record in _records(path, _IMAGES, (SIDE, SIDE), rows, source)
    )


@dataclass(frozen=True)
class Labels:
    """The labels of some rows; None where there are none. `note` says why, if there is something to say."""

    values: tuple[int, ...] | None
    note: str | None = None


def read_labels(path: Path, rows: Sequence[int]) -> Labels:
    """The labels of those rows, in the file of labels that belongs to the images at `path`.

    Images can be classified without: what is wrong with the labels is no more than noted.
    """
    name, named = _IMAGES_NAME.subn(r"labels\1idx1", path.name)
    if not named:
        return Labels(None)
    for candidate in dict.fromkeys((name, f"{name}.gz", name.removesuffix(".gz"))):
        beside = path.with_name(candidate)
        if not _is_there(beside):
            continue
        try:
            return Labels(tuple(record[0] for record in _records(beside, _LABELS, (), rows, str(beside))))
        except ImageError as error:
            return Labels(None, f"without its true class ({error})")
    return Labels(None)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


def iter_rows(path: Path, source: str) -> Iterator[Pixels]:
    """Every image (uint8, 28×28) of the file, in order, a part of the file in memory at a time.

    Raises:
        ImageError: as read_rows; what comes before the damage was given by then.
    """
    with _opened(path, source) as stream:
        for _, block in _blocks(stream, _IMAGES, (SIDE, SIDE), (), source):
            for start in range(0, len(block), SIDE * SIDE):
                yield np.frombuffer(block, np.uint8, SIDE * SIDE, start).reshape(SIDE, SIDE)


def _records(
    path: Path, magic: bytes, shape: tuple[int, ...], rows: Sequence[int], source: str
) -> list[bytes]:
    size = math.prod(shape)
    wanted = set(rows)
    kept: dict[int, bytes] = {}
    with _opened(path, source) as stream:
        for start, block in _blocks(stream, magic, shape, rows, source):
            for row in wanted.intersection(range(start, start + len(block) // size)):
                kept[row] = block[(row - start) * size : (row - start + 1) * size]
    return [kept[row] for row in rows]


@contextmanager
def _opened(path: Path, source: str) -> Iterator[IO[bytes]]:
    """The content of the file, unpacked."""
    try:
        with open_plain(path) as raw:
            compressed = raw.read(2) == _GZIP
            raw.seek(0)
            with gzip.open(raw) if compressed else raw as stream:
                yield cast(IO[bytes], stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        _refuse(source, f"damaged or truncated gzip data ({error})", "Get the file again.")
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        _refuse(source, getattr(error, "strerror", None) or str(error), "Correct the path.")


def _blocks(
    stream: IO[bytes], magic: bytes, shape: tuple[int, ...], rows: Sequence[int], source: str
) -> Iterator[tuple[int, bytes]]:
    """The records of a file that has all `rows`, many at a time, each time with the number of the first."""
    found = stream.read(4)
    if found != magic:
        _refuse(
            source,
            f"it begins with the bytes {found.hex(' ') or '(none)'}",
            f"It must begin with {magic.hex(' ')}.",
        )
    header = stream.read(4 * (1 + len(shape)))
    if len(header) < 4 * (1 + len(shape)):
        _refuse(source, "it ends within its header", "Get the file again.")
    count, *sides = struct.unpack(f">{1 + len(shape)}I", header)
    if tuple(sides) != shape:
        _refuse(
            source, f"its images are {'×'.join(map(str, sides))}", "Save one as PNG: that may have any size."
        )
    absent = [row for row in rows if row >= count]
    if absent:
        _refuse(source, f"there is no row {absent[0]}", f"The file has rows 0 to {count - 1}.")
    size = math.prod(shape)
    # A whole number of records at a time, as many as there are: the header's count reserves nothing.
    step = max(1, _CHUNK // size)
    for start in range(0, count, step):
        length = min(step, count - start) * size
        block = stream.read(length)
        whole = len(block) // size
        if whole:
            yield start, block[: whole * size]
        if len(block) < length:
            _refuse(source, f"it ends in row {start + whole} of {count}", "Get the file again.")
    if stream.read(1):
        _refuse(source, f"it has more than the {count} rows that its header announces", "Get the file again.")


def _refuse(source: str, problem: str, advice: str) -> NoReturn:
    raise ImageError(
        f"Could not read rows of {printable(source)}, an IDX file of {SIDE}×{SIDE} images or of labels: "
        f"{problem}. {advice}"
    )
