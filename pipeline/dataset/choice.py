"""Finds the Fashion-MNIST data set, or fetches it. The command line calls find_dataset before a run starts.

Whatever the source, the files are checked before anything reads them; see dataset_check.py.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pipeline.console import say
from pipeline.dataset.check import (
    FILES,
    IdxFile,
    check_folder,
    data_digest_of_sources,
    digest_of,
    folder_fault,
    idx_files,
)
from pipeline.errors import DataError, UsageError

__all__ = ["data_digest_of_sources", "digest_of", "find_dataset", "idx_files"]

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")

# The data set's own server, and its authors' repository.
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)


def find_dataset(
    named: Path | None,
    cache: Path,
    *,
    any_data: bool = False,
    progress: Callable[[str], None] = say,
    files: Sequence[IdxFile] = FILES,
    installed: Path = DEBIAN_FOLDER,
    mirrors: Sequence[str] = MIRRORS,
    apt_get: str = "apt-get",
) -> Path:
    """A folder with the four files, checked against `files`.

    A folder that the user named is the only one tried. Without one, in this order: `cache`, the folder of Debian's
    package (`installed`), a download from one of `mirrors` into `cache`, Debian's package unpacked into `cache`.
    `cache` is replaced whole or not at all.

    With `any_data` the named folder may hold other data in files of the same names: they must be readable and whole
    as gzip streams; the NormalizeData job parses them strictly.

    Raises DataError when the named folder is not good or no source gave the data; UsageError for `any_data` without
    a named folder.
    """
    if named is not None:
        check_folder(named, files, any_data=any_data)
        return named
    if any_data:
        raise UsageError(
            "--any-data needs the folder that holds the other data. Name it with --data DIR or "
            "FASHION_DATA, or leave --any-data out."
        )
    faults = []
    for folder in (cache, installed):
        fault = folder_fault(folder, files)
        if fault is None:
            return folder
        faults.append(fault)
    with only_one_fetching(cache, progress):
        # Another command may have fetched the data while this one waited.
        if folder_fault(cache, files) is None:
            return cache
        names = [f"{file.name}.gz" for file in files]
        for source, fetch in sources(names, mirrors, apt_get, progress):
            fault = fill(cache, fetch, files, progress)
            if fault is None:
                return cache
            progress(f"{source} did not give the data set: {fault}")
            faults.append(f"{source}: {fault}")
    raise DataError(
        "Could not get the Fashion-MNIST data set from any of its sources:\n"
        + "\n".join(f"  - {fault}" for fault in faults)
        + "\nConnect to the internet and try again; or, on Debian or Ubuntu, sudo apt-get install "
        "dataset-fashion-mnist; or copy the four files from another machine, and name their folder with --data DIR "
        "or FASHION_DATA."
    )


def sources(
    names: Sequence[str], mirrors: Sequence[str], apt_get: str, progress: Callable[[str], None]
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Where the files `names` can be fetched from: a description, and a function that puts them into a folder."""
    from pipeline.dataset.sources import download, unpack_debian_package

    for mirror in mirrors:
        yield f"Download from {mirror}", partial(download, names, mirror, progress=progress)
    unpack = partial(unpack_debian_package, names, apt_get=apt_get, progress=progress)
    yield "Debian's package dataset-fashion-mnist", unpack


def fill(
    cache: Path,
    fetch: Callable[[Path], None],
    files: Sequence[IdxFile],
    progress: Callable[[str], None] = say,
) -> str | None:
    """Makes `cache` what `fetch` gives, if that is good; else leaves it as it was, and returns what was wrong.

    What was in its place is moved aside: it may be somebody's own data. The caller holds the lock: an unfinished
    folder that is already there was left by a command that was killed.
    """
    unfinished = cache.with_name(f"{cache.name}.unfinished")
    if os.path.lexists(unfinished) and not _is_unfinished(unfinished, files):
        return f"{unfinished} holds something other than a download, and is left alone. Move it away"
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        fetch(unfinished)
        fault = folder_fault(unfinished, files)
        if fault is None:
            if os.path.lexists(cache):
                progress(f"What was in {cache} is kept: {_move_aside(cache)}")
            unfinished.rename(cache)
        return fault
    except (DataError, OSError) as error:
        return str(error)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _is_unfinished(folder: Path, files: Sequence[IdxFile]) -> bool:
    """Whether all in `folder` has names that a download gives: the files', and temporary folders."""
    names = {name for file in files for name in (file.name, f"{file.name}.gz")}
    return folder.is_dir() and all(
        path.name in names or re.fullmatch(r"tmp\w{8}", path.name) for path in folder.iterdir()
    )


def _move_aside(path: Path) -> Path:
    """Give `path` a name beside its own that nothing has yet; returns that."""
    for number in itertools.count(1):
        aside = path.with_name(f"{path.name}.before-{number}")
        if not os.path.lexists(aside):
            return path.rename(aside)
    raise AssertionError("count() ends")


@contextmanager
def only_one_fetching(cache: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Holds a lock beside `cache` while the block lasts. The kernel releases it even if this process is killed."""
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(cache.with_name(f"{cache.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise DataError(
            f"Could not write to {cache.parent}, to fetch the data set: {error.strerror}. Set FASHION_HOME "
            "to a folder that you can write to, or name a folder that holds the data set with --data DIR or "
            "FASHION_DATA."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Another command is fetching the data set: waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
