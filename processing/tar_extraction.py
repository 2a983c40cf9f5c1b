"""Unpacking a model artifact without trusting it: plain files and folders only, inside one folder, bounded.

Stricter than tarfile's "data" filter, which allows links: an artifact has none, and links are how archives escape.
"""

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from job_failure import JobError, while_doing

MAX_BYTES = 4 << 30  # decompressed, headers included
MAX_MEMBERS = 10_000


class TarError(JobError):
    """The archive is damaged or holds what a model artifact never does. The message names it."""


def extract_tar_gz(
    archive: Path, folder: Path, source: str, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS
) -> frozenset[str]:
    """Unpack `archive` into the new folder `folder`; return the relative paths of the files.

    `source` names the archive in messages. Of ownership, modes and times nothing is taken over.

    Raises:
        TarError: damaged; an absolute path, one with `..` or a backslash, or one twice; a link, a device or a pipe;
            more than `max_bytes` decompressed or `max_members` members.
        JobError: the folder cannot be written.
    """
    files: set[str] = set()
    with while_doing(f"unpack {source} into {folder}"):
        folder.mkdir(parents=True)
        try:
            with (
                gzip.open(archive) as unzipped,
                tarfile.open(fileobj=_Bounded(unzipped, source, max_bytes), mode="r|") as tar,
            ):
                for position, member in enumerate(tar):
                    if position >= max_members:
                        raise TarError(f"{source} has more than {max_members} members.")
                    name = _checked_name(member, source)
                    if name in files:
                        raise TarError(f"{source} has the path {name!r} twice.")
                    if member.isdir():
                        (folder / name).mkdir(parents=True, exist_ok=True)
                        continue
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    content = tar.extractfile(member)
                    assert content is not None  # it is a regular file
                    with (folder / name).open("xb") as file:
                        shutil.copyfileobj(content, file)
                    files.add(name)
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TarError(
                f"{source} is not a whole .tar.gz archive: {error or type(error).__name__}. Run its training "
                "step again."
            ) from error
        except (FileExistsError, NotADirectoryError) as error:
            raise TarError(f"{source} has a path that is both a file and a folder: {error}.") from error
    return frozenset(files)


def _checked_name(member: tarfile.TarInfo, source: str) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise TarError(f"The path {member.name!r} in {source} leads outside the artifact. Do not use it.")
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise TarError(
            f"{source} may have plain files and folders only, not {member.name!r} of tar type "
            f"{member.type!r}. Do not use it."
        )
    return str(path)


class _Bounded(io.BufferedIOBase):
    """Reads from `stream` and refuses more than `limit` bytes in all: a tiny archive can unpack to terabytes."""

    def __init__(self, stream: gzip.GzipFile, source: str, limit: int) -> None:
        self._stream = stream
        self._source = source
        self._left = limit

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise TarError(f"Unpacking {self._source}: it unpacks to more than the limit. Do not use it.")
        return data
