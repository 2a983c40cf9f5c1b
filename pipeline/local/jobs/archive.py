"""Packs a folder as SageMaker packs a training job's model and output: model.tar.gz, output.tar.gz. Unpacks code.

Equal contents give equal bytes (sorted, no times, no owners), so that digests of artifacts can be compared.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path

from pipeline.errors import StepFailed


def pack_folder(folder: Path, archive: Path) -> int:
    """Write `archive` (.tar.gz) with everything in `folder`, relative to it; returns how many files it holds."""
    count = 0
    with (
        archive.open("wb") as raw,
        # gzip's header would carry the time and the file's name.
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if not (path.is_file() or path.is_dir()):
                continue  # Sockets, pipes, dangling links.
            name = path.relative_to(folder).as_posix()
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                tar.addfile(entry)
                continue
            with path.open("rb") as file:
                entry.size = path.stat().st_size
                entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                tar.addfile(entry, file)
            count += 1
    return count


def unpack(archive: Path, folder: Path, name: str) -> None:
    """Extract the tar `archive`, packed or not, into `folder`; `name` is what the user knows it by.

    Raises:
        StepFailed: it is no archive, is damaged, or would write outside of the folder.
        OSError: a file cannot be written.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        # Of a file that is no archive, each format says why in a line of its own.
        reason = str(error).splitlines()[0].rstrip(":")
        raise StepFailed(
            f"Could not unpack {name}: {reason}. It must be a .tar.gz whose files lie at its top; pack it anew."
        ) from error
