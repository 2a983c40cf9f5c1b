"""Splits an object into records, and records into payloads (SplitType, BatchStrategy, MaxPayloadInMB).

API reference, TransformInput and CreateTransformJob. A blank line is no record. Of the two binary forms the padding
is left out where each record is a request of its own: TFRecord (length, checksum, data, checksum) and MXNet's
RecordIO (magic number, length, data, filled up to four bytes).
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

_MAGIC = 0xCED7230A
_LENGTH_BITS = 29
MEGABYTE = 1 << 20


class RecordError(Exception):
    """An object cannot be transformed: what is wrong, and `where` in it ("line 3"; "" for all of it)."""

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(problem)
        self.where = where


class Record(NamedTuple):
    """`content` as the object has it, `place` in it ("line", 3), and the `payload` that is sent."""

    content: bytes
    place: tuple[str, int] | None
    payload: bytes

    @property
    def where(self) -> str:
        """Its place in words."""
        return "" if self.place is None else f"{self.place[0]} {self.place[1]}"


def where_of(records: list[Record]) -> str:
    """The place of a batch: "line 3", or "lines 3 to 7"."""
    first, last = records[0].place, records[-1].place
    if first is None or last is None or first == last:
        return records[0].where
    return f"{first[0]}s {first[1]} to {last[1]}"


def read_records(path: Path, split: str, *, packed: bool, single: bool) -> Iterator[Record]:
    """The records of the object at `path`; `packed`: it is gzipped; `single`: each is a request of its own.

    Raises:
        RecordError: it is not of that form.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as raw:
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
            yield from _SPLITTERS[split](file, single)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordError(f"it is not gzipped, as CompressionType says, or damaged ({error})") from error


def batches(
    records: Iterable[Record], payload: Callable[[Record], bytes], *, single: bool, most_mb: int
) -> Iterator[list[Record]]:
    """The records request by request, each with its payload; `most_mb` 0: a request may be of any size.

    Raises:
        RecordError: a record alone is too large, or `payload` refuses it.
    """
    batch: list[Record] = []
    size = 0
    for each in records:
        record, content = each, payload(each)
        if content is not each.payload:
            record = each._replace(payload=content)
        length = len(content)
        if most_mb and length > most_mb * MEGABYTE:
            raise RecordError(
                f"{length:,} bytes to send at once, and MaxPayloadInMB is {most_mb}. "
                + (
                    "Set SplitType, or a larger MaxPayloadInMB"
                    if record.place is None
                    else "Set a larger one"
                ),
                record.where,
            )
        if batch and (single or (most_mb and size + length > most_mb * MEGABYTE)):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def _whole(file: IO[bytes], single: bool) -> Iterator[Record]:
    content = file.read()
    yield Record(content, None, content)


def _lines(file: IO[bytes], single: bool) -> Iterator[Record]:
    for number, line in enumerate(file, 1):
        if line.strip():
            yield Record(line, ("line", number), line)


def _tf_records(file: IO[bytes], single: bool) -> Iterator[Record]:
    number = 0
    while header := file.read(12):
        number += 1
        length = struct.unpack("<Q", header[:8])[0] if len(header) == 12 else -1
        rest = b"" if length < 0 else file.read(length + 4)
        if length < 0 or len(rest) != length + 4:
            raise RecordError("it ends within a TFRecord, or is not one", f"record {number}")
        content = rest[:-4] if single else header + rest
        yield Record(content, ("record", number), content)


def _record_io(file: IO[bytes], single: bool) -> Iterator[Record]:
    number = 0
    while header := file.read(8):
        number += 1
        magic, flags = struct.unpack("<II", header) if len(header) == 8 else (0, 0)
        length = flags & ((1 << _LENGTH_BITS) - 1)
        padded = file.read(length + -length % 4) if magic == _MAGIC else b""
        if magic != _MAGIC or len(padded) < length:
            raise RecordError("it ends within a RecordIO record, or is not one", f"record {number}")
        if flags >> _LENGTH_BITS:
            raise RecordError("a RecordIO record that is split in parts is not read here", f"record {number}")
        content = padded[:length] if single else header + padded
        yield Record(content, ("record", number), content)


_SPLITTERS: dict[str, Callable[[IO[bytes], bool], Iterator[Record]]] = {
    "None": _whole,
    "Line": _lines,
    "TFRecord": _tf_records,
    "RecordIO": _record_io,
}
