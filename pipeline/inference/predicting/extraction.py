"""Unpacks a model artifact that nobody has vouched for: plain files and folders only, in one folder, bounded.

As strict as processing/tar_extraction.py, which is shipped into a container and not imported here: tarfile's own
"data" filter would let links through.
"""

from __future__ import annotations

import errno
import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, cast

from pipeline.errors import RegistryError, StateError

MAX_BYTES = 4 << 30  # unpacked, headers included
MAX_MEMBERS = 10_000


def unpack(archive: Path, folder: Path, source: str, max_bytes: int = MAX_BYTES) -> frozenset[str]:
    """Unpacks `archive` (.tar.gz) into the new folder `folder`; returns the relative paths of its files.

    `source` names the archive in messages. Nothing of owners, modes and times is taken over.

    Raises:
        RegistryError: damaged; a path that leads outside, is too long, or twice the same; a link, a device or a
            pipe; too large.
        StateError: the disk does not take it.
    """
    files: set[str] = set()
    try:
        folder.mkdir(parents=True)
        with (
            gzip.open(archive) as unzipped,
            tarfile.open(
                fileobj=cast(IO[bytes], _Bounded(unzipped, source, max_bytes)),
                mode="r|",
                format=tarfile.PAX_FORMAT,
            ) as tar,
        ):
            for position, member in enumerate(tar):
                if position >= MAX_MEMBERS:
                    raise _refusal(source, f"more than {MAX_MEMBERS} members")
                name = _checked_name(member, source)
                target = folder / name
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                assert content is not None  # it is a regular file
                with target.open("xb") as file:
                    shutil.copyfileobj(content, file)
                files.add(name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _refusal(source, f"a damaged archive ({error or type(error).__name__})") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise _refusal(source, f"one path twice ({error.filename})") from error
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise _refusal(source, "a path that is too long for this file system") from error
        raise StateError(
            f"Could not unpack {source} into {folder}: {error.strerror or error}. Free some space there, or "
            "correct what it names."
        ) from error
    return frozenset(files)


def _checked_name(member: tarfile.TarInfo, source: str) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise _refusal(source, f"the path {member.name!r}, which leads outside")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise _refusal(source, f"{member.name!r} of tar type {member.type!r}")
    return str(path)


def _refusal(source: str, found: str) -> RegistryError:
    return RegistryError(
        f"Could not unpack {source}: it is not a whole archive of plain files and folders that stay inside "
        f"it, but has {found}. Do not use it; train the model again."
    )


class _Bounded(io.BufferedIOBase):
    """Reads from `stream` and refuses more than `limit` bytes in all: a tiny archive can unpack to terabytes."""

    def __init__(self, stream: gzip.GzipFile, source: str, limit: int) -> None:
        self._stream = stream
        self._source = source
        self._limit = limit
        self._left = limit

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _refusal(self._source, f"more than {self._limit:,} bytes")
        return data
