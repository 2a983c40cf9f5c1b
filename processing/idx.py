"""Strict parsing of IDX files, the format of MNIST and its successors (http://yann.lecun.com/exdb/mnist/).

A file is 0, 0, a type code, the number of dimensions, each dimension as a big-endian uint32, then the values.
Run by normalize.py. Gzipped or not is told from the content: browsers and mirrors unpack `.gz` files silently.
"""

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from job_failure import JobError, while_doing

UNSIGNED_BYTE = 0x08
_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_CONTENT = {1: "labels", 3: "images"}


class IdxError(JobError):
    """An IDX file is damaged or is not what its name says. The message names the file."""


@dataclass(frozen=True)
class IdxFile:
    """A parsed file: `values` is uint8 (read-only); `sha256` is that of the decompressed bytes."""

    path: Path
    values: npt.NDArray[np.uint8]
    sha256: str


def read_idx(path: Path, dimensions: int) -> IdxFile:
    """Read a file of unsigned bytes with the given number of dimensions (1: labels, 3: images).

    Memory: the decompressed size, whatever the header claims.

    Raises:
        IdxError: wrong magic, type or dimensions, no items, too few or too many bytes, damaged gzip data.
        JobError: the file cannot be read.
    """
    with while_doing(f"read {path}"), path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        try:
            with gzip.open(raw) if compressed else raw as stream:
                return _parse(path, stream, dimensions)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise IdxError(
                f"Could not read {path}: its gzip data are truncated or damaged ({error}). Fetch the file "
                "again."
            ) from error


def _parse(path: Path, stream: IO[bytes] | gzip.GzipFile, dimensions: int) -> IdxFile:
    digest = hashlib.sha256()
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\x00\x00":
        raise IdxError(
            f"{path} is not this kind of IDX file: it must begin with the bytes 00 00 08 {dimensions:02x}, "
            f"not {magic.hex(' ') or 'be empty'}. Is this the right file? Fetch it again."
        )
    if magic[2] != UNSIGNED_BYTE:
        raise IdxError(
            f"{path}: the values must be unsigned bytes (IDX type 0x08), not of type {magic[2]:#04x}."
        )
    if magic[3] != dimensions:
        raise IdxError(
            f"{path}: {_CONTENT.get(dimensions, 'these values')} must have {dimensions} "
            f"dimension{'s' * (dimensions != 1)}, not "
            f"{magic[3]} ({_CONTENT.get(magic[3], 'unknown content')}). Have two files been swapped?"
        )
    header = stream.read(4 * dimensions)
    if len(header) < 4 * dimensions:
        raise IdxError(f"{path}: the file ends within its header. Fetch it again.")
    shape = tuple(int(size) for size in np.frombuffer(header, ">u4"))
    expected = math.prod(shape)
    if expected == 0:
        raise IdxError(f"{path}: the file holds no items (shape={shape}).")
    digest.update(magic + header)

    # The buffer grows with what is there: a damaged header must not reserve terabytes, nor a small gzip file fill
    # the memory. Reading on to the end also makes gzip check its checksum.
    values = bytearray()
    while chunk := stream.read(_CHUNK):
        values += chunk
        digest.update(chunk)
        if len(values) > expected:
            raise IdxError(
                f"{path} has more than the {expected} bytes of values that its header announces "
                f"(shape={shape}). Fetch the file again."
            )
    if len(values) < expected:
        raise IdxError(
            f"{path} is truncated: it has {len(values)} of the {expected} bytes of values that its header "
            f"announces (shape={shape}). Fetch the file again."
        )
    array = np.frombuffer(values, np.uint8).reshape(shape)
    array.flags.writeable = False
    return IdxFile(path, array, digest.hexdigest())
