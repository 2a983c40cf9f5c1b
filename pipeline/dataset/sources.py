"""Fetches the data set's files from the internet: from a mirror, or out of Debian's package without being root.

What comes back is not trusted: dataset.py checks it before it replaces anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pipeline.errors import DataError

PACKAGE = "dataset-fashion-mnist"
PAUSES = (1.0, 3.0)
"""Seconds before the second and before the third attempt to download a file."""

CONNECT_SECONDS, READ_SECONDS = 5, 30
APT_SECONDS = 300


def download(
    names: Sequence[str],
    mirror: str,
    folder: Path,
    *,
    progress: Callable[[str], None],
    pauses: Sequence[float] = PAUSES,
) -> None:
    """Downloads `mirror` + each of `names` into `folder`, with a progress bar when standard error is a terminal.

    An attempt that fails is repeated after each of `pauses` (seconds), unless the server says that it would fail
    again. Raises DataError.
    """
    import pooch
    import requests

    fetch = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(),
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        # Without this, a server may say that the .gz is only a transfer encoding, and requests decompresses it.
        headers={"Accept-Encoding": "identity"},
    )
    for name in names:
        progress(f"Downloading {mirror}{name}")
        for pause in (*pauses, None):
            try:
                fetch(f"{mirror}{name}", folder / name, None)
                break
            except requests.RequestException as error:
                reason = _root_cause(error)
                if pause is None or _is_final(error):
                    raise DataError(f"{name}: {reason}") from None
            progress(f"That failed ({reason}); trying again in {pause:g} s")
            time.sleep(pause)


def _is_final(error: Exception) -> bool:
    """Whether it would fail again: not a URL, or a 4xx status other than "timeout" and "too many requests"."""
    if isinstance(error, ValueError):
        return True
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status is not None and 400 <= status < 500 and status not in (408, 429)


def _root_cause(error: BaseException) -> str:
    """The innermost message: requests wraps "Connection refused" in three layers of its own and urllib3's."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error)


def unpack_debian_package(
    names: Sequence[str],
    folder: Path,
    *,
    progress: Callable[[str], None],
    apt_get: str = "apt-get",
) -> None:
    """Gets Debian's package of the data set with apt-get and puts its files `names` into `folder`. Needs no root.

    Raises DataError, also where there is no apt-get.
    """
    for program in (apt_get, "dpkg-deb"):
        if shutil.which(program) is None:
            raise DataError(f"{program} was not found: not a Debian or Ubuntu system")
    progress(f"Fetching Debian's package {PACKAGE} (31 MB)")
    with TemporaryDirectory(dir=folder.absolute()) as scratch:  # apt-get runs in it
        package = _apt_download(Path(scratch), apt_get)
        try:
            with _data_archive(package) as archive:
                _extract(archive, names, folder)
        except (tarfile.TarError, EOFError) as error:
            raise DataError(f"the package cannot be unpacked: {error}") from None


def _apt_download(scratch: Path, apt_get: str) -> Path:
    """Downloads the package into `scratch`; with package lists of its own where the system's do not have it."""
    lists = scratch / "lists"
    (lists / "partial").mkdir(parents=True)
    # apt's own user, to which it changes when it is root, cannot write to a folder of ours.
    own = [apt_get, "-o", "APT::Sandbox::User="]
    own_lists = [*own, "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={scratch}"]
    for commands in (
        [[*own, "download", PACKAGE]],
        [[*own_lists, "update"], [*own_lists, "download", PACKAGE]],
    ):
        complaint = _run_all(commands, scratch)
        packages = list(scratch.glob("*.deb"))
        if complaint is None and packages:
            return packages[0]
    raise DataError(f"apt-get download {PACKAGE}: {complaint or 'it downloaded nothing'}")


def _run_all(commands: Sequence[Sequence[str]], folder: Path) -> str | None:
    """Runs `commands` in `folder`; returns the last line that the first one to fail wrote, None if none fails."""
    for command in commands:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=APT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {APT_SECONDS} s"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return None


@contextmanager
def _data_archive(package: Path) -> Iterator[tarfile.TarFile]:
    """The files in a Debian package, as dpkg, which is wherever apt-get is, unpacks it."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        yield archive


def _extract(archive: tarfile.TarFile, names: Sequence[str], folder: Path) -> None:
    """Copies the members whose last name is in `names`, and nothing else, into `folder`."""
    for member in archive:
        name = PurePosixPath(member.name).name
        source = archive.extractfile(member) if name in names and member.isfile() else None
        if source is not None:
            with source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
