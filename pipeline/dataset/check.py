"""What the Fashion-MNIST data set is, and whether a folder holds it.

The four IDX files are known by the SHA-256 of their decompressed bytes, because packagings of the data set differ
in their gzip bytes. Each may lie in a folder as `train-images-idx3-ubyte.gz`, without the `.gz`, or with Kaggle's
dot (`train-images.idx3-ubyte`). Gzipped or not is told from the content: browsers and mirrors unpack files and keep
their names.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from pipeline.errors import DataError
from pipeline.plain_files import NotPlain, open_plain


@dataclass(frozen=True)
class IdxFile:
    """One file of the data set: its name without `.gz`, and the size and SHA-256 of its decompressed bytes."""

    name: str
    size: int
    sha256: str


FILES = (
    IdxFile(
        "train-images-idx3-ubyte",
        47040016,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        60008,
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        7840016,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        10008,
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)

CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_IDX = b"\0\0"


def check_folder(folder: Path, files: Sequence[IdxFile] = FILES, *, any_data: bool = False) -> None:
    """Raises DataError, naming every file that is at fault, unless `folder` holds `files`.

    With `any_data` the files need only be there, readable, and whole as gzip streams.
    """
    fault = folder_fault(folder, files, any_data=any_data)
    if fault is not None:
        wanted = "four readable IDX files" if any_data else "the four IDX files of Fashion-MNIST"
        raise DataError(
            f"The data set must be a folder with {wanted}. {fault}\n"
            "Name another folder with --data DIR or FASHION_DATA; or name none: the data set is found or fetched"
            + ("." if any_data else "; or add --any-data, to use other data in files of the same names.")
        )


def folder_fault(folder: Path, files: Sequence[IdxFile] = FILES, *, any_data: bool = False) -> str | None:
    """Why `folder` does not hold `files`, a line for each file at fault; None when it does."""
    try:
        if not folder.is_dir():
            return f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}"
        readable = os.access(folder, os.R_OK | os.X_OK, effective_ids=True)
    except PermissionError:
        readable = False
    if not readable:
        return f"{folder}: no permission to read it for user id {os.geteuid()} (chmod -R a+rX gives it)"
    with ThreadPoolExecutor() as pool:
        of_each = pool.map(partial(_file_faults, folder, files, any_data=any_data), files)
        faults = [fault for of_one in of_each for fault in of_one]
    return "\n    ".join([f"{folder}:", *faults]) if faults else None


def idx_files(folder: Path) -> tuple[Path, ...]:
    """The paths of the four files in a checked `folder`, in the order of FILES; the gzipped one where both are."""
    return tuple(_variants(folder, file)[0] for file in FILES)


def published_files(folder: Path) -> dict[str, Path]:
    """The four files in a checked `folder`, by the names that the data set's authors gave them."""
    published = {}
    for file, path in zip(FILES, idx_files(folder), strict=True):
        with open_plain(path) as raw:
            published[f"{file.name}.gz" if _is_gzipped(raw, path) else file.name] = path
    return published


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of the file at `path`. Raises OSError, EOFError and zlib.error, also while reading."""
    with open_plain(path) as raw:
        if _is_gzipped(raw, path):
            with gzip.open(raw) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield raw


def digest_of(folder: Path) -> str:
    """16 hex digits that name the decompressed contents of the four files in a checked `folder`."""
    with ThreadPoolExecutor() as pool:
        return _short_digest(digest for _, digest in pool.map(_read, idx_files(folder)))


def data_digest_of_sources() -> str:
    """16 hex digits that name the contents of Fashion-MNIST: what digest_of gives for any packaging of it."""
    return _short_digest(file.sha256 for file in FILES)


def _short_digest(digests: Iterable[str]) -> str:
    lines = (f"{digest}  {file.name}\n" for file, digest in zip(FILES, digests, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _is_gzipped(raw: io.BufferedReader, path: Path) -> bool:
    """By its content; what is named .gz and begins as neither is taken for damaged gzip data."""
    head = raw.peek(2)
    return head.startswith(_GZIP) or (path.suffix == ".gz" and not head.startswith(_IDX))


def _variants(folder: Path, file: IdxFile) -> list[Path]:
    """What lies in `folder` under a name of `file`. Not folders: archives unpack to one of the file's own name."""
    names = (file.name, file.name.replace("-idx", ".idx"))
    paths = (folder / f"{name}{ending}" for name in names for ending in (".gz", ""))
    return [path for path in paths if path.exists() and not path.is_dir()]


def _read(path: Path) -> tuple[int, str]:
    """The number and the SHA-256 of the decompressed bytes of the file at `path`."""
    digest, size = hashlib.sha256(), 0
    with opened(path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _file_faults(folder: Path, files: Sequence[IdxFile], file: IdxFile, *, any_data: bool) -> list[str]:
    """What is wrong with `file` in `folder`. Where it lies there both gzipped and not, each must be good."""
    variants = _variants(folder, file)
    if not variants:
        return [f"{file.name}.gz: missing, and so is {file.name}"]
    faults = ((path, _fault(path, files, file, any_data=any_data)) for path in variants)
    return [f"{path.name}: {fault}" for path, fault in faults if fault is not None]


def _fault(path: Path, files: Sequence[IdxFile], file: IdxFile, *, any_data: bool) -> str | None:
    wanted = "" if any_data else f"; its SHA-256 must be {file.sha256}"
    try:
        size, sha256 = _read(path)
    except PermissionError:
        return f"no permission to read it for user id {os.geteuid()} (chmod a+r gives it)"
    except NotPlain as error:
        return f"{error.kind}, not a plain file"
    except EOFError:
        return f"truncated or damaged: its gzip stream does not end in {path.stat().st_size:,} bytes{wanted}"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"damaged: its gzip stream cannot be decompressed ({error}){wanted}"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if any_data or sha256 == file.sha256:
        return None
    namesake = next((other.name for other in files if other.sha256 == sha256), None)
    if namesake is not None:
        kind = f"swapped: this is {namesake}"
    elif size < file.size:
        kind = f"truncated: {size:,} bytes instead of {file.size:,}"
    elif size > file.size:
        kind = f"other data: {size:,} bytes instead of {file.size:,}"
    else:
        kind = "damaged, or other data: the size is right and the contents are not"
    return f"{kind}{wanted}, not {sha256}"
