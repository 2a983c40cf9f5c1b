"""Keeps a training job's checkpoint folder and its S3 location equal, as the service does while a job runs.

What a job saved survives its end, so that the next attempt finds it. Files go to S3 once they stop changing.
What a job replaced by a newer file leaves S3 again; what other jobs left there stays.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pipeline.errors import FashionError
from pipeline.local.jobs.channels import download, upload_open_file
from pipeline.local.jobs.job import Job
from pipeline.local.jobs.joblog import Log
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import split_uri

_Signature = tuple[int, int]
# A file that was not touched for so long is whole.
_SETTLED_SECONDS = 0.1
_OPEN_AT_ONCE = 64


class CheckpointSync:
    """A context manager: uploads from a thread of its own while it lasts, and what is left at its end.

    `upload` copies one open file to S3 and `remove` deletes it there, given its path relative to the folder. An
    error of theirs is told to `warn` and tried again at the next change: a job is not failed for it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        upload: Callable[[Path, BinaryIO], None],
        remove: Callable[[Path], None],
        warn: Callable[[str], None],
        interval: float = 2.0,
    ) -> None:
        self._folder = folder
        self._upload = upload
        self._remove = remove
        self._warn = warn
        self._interval = interval
        # What was downloaded at the start is in S3 already.
        self._uploaded = self._scan()
        self._own: set[Path] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        # The job has ended: nothing changes any more.
        self._sync(settled_only=False)

    def _run(self) -> None:
        while not self._end.wait(self._interval):
            self._sync(settled_only=True)

    def _sync(self, *, settled_only: bool) -> None:
        try:
            found = self._scan()
            changed = [path for path, signature in found.items() if self._uploaded.get(path) != signature]
            saved: set[Path] = set()
            for first in range(0, len(changed), _OPEN_AT_ONCE):
                saved |= self._save(changed[first : first + _OPEN_AT_ONCE], settled_only=settled_only)
            if saved:
                self._forget(self._own - found.keys())
        except (FashionError, OSError) as error:
            self._warn(f"a checkpoint could not be saved: {error}")

    def _save(self, paths: Iterable[Path], *, settled_only: bool) -> set[Path]:
        """Upload these files, or those of them that nobody writes to any more; returns which.

        They are held open meanwhile: a job that replaces its checkpoint faster than we look must not take it away.
        """
        saved: set[Path] = set()
        with contextlib.ExitStack() as stack:
            files = {path: file for path in paths if (file := self._open(path, stack)) is not None}
            before = {path: _signature(file) for path, file in files.items()}
            if settled_only and self._end.wait(_SETTLED_SECONDS):
                return saved
            for path, file in files.items():
                if settled_only and (_signature(file) != before[path] or self._renamed(path, file)):
                    continue
                self._upload(path, file)
                self._uploaded[path] = before[path]
                self._own.add(path)
                saved.add(path)
        return saved

    def _open(self, path: Path, stack: contextlib.ExitStack) -> BinaryIO | None:
        try:
            return stack.enter_context((self._folder / path).open("rb"))
        except FileNotFoundError:  # deleted for a newer one
            return None

    def _renamed(self, path: Path, file: BinaryIO) -> bool:
        """Whether the open file, which was `path`, is there under another name now."""
        status = os.fstat(file.fileno())
        try:
            return not os.path.samestat(status, (self._folder / path).stat()) and status.st_nlink > 0
        except FileNotFoundError:
            return status.st_nlink > 0

    def _forget(self, gone: set[Path]) -> None:
        for path in sorted(gone):
            self._remove(path)
            self._own.discard(path)
            del self._uploaded[path]

    def _scan(self) -> dict[Path, _Signature]:
        """Size and time of change of every file, by path relative to the folder; a file may vanish meanwhile."""
        found: dict[Path, _Signature] = {}
        for path in sorted(self._folder.rglob("*")):
            try:
                if path.is_file():
                    found[path.relative_to(self._folder)] = _signature_of(path.stat())
            except FileNotFoundError:
                continue
        return found


def _signature(file: BinaryIO) -> _Signature:
    return _signature_of(os.fstat(file.fileno()))


def _signature_of(status: os.stat_result) -> _Signature:
    return status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def keep_checkpoints(job: Job, inside: str) -> Iterator[None]:
    """Keep the checkpoint folder `inside` of every host equal to its S3 location, filled from there; does nothing
    when none is asked for."""
    configuration = job.request.get("CheckpointConfig")
    if not configuration:
        yield
        return
    uri = configuration["S3Uri"].rstrip("/")
    with contextlib.ExitStack() as syncs:
        for host in job.hosts:
            folder = host.container.path(inside)
            size = download(
                job.aws,
                f"{uri}/",
                folder,
                stop=job.stop,
                required=False,
                leave_out=partial(_left_out, host.log),
            )
            if size:
                host.log.say(f"{uri} → {inside} ({size / 1e6:.1f} MB): checkpoints of an earlier attempt")
            syncs.enter_context(
                CheckpointSync(
                    folder,
                    upload=partial(_upload_checkpoint, job.aws, uri, folder),
                    remove=partial(_remove_checkpoint, job.aws, uri),
                    warn=host.log.say,
                    interval=job.graces.checkpoints,
                )
            )
        yield


def _left_out(log: Log, what: str) -> None:
    log.say(f"a checkpoint of an earlier attempt is left out: {what}")


def _upload_checkpoint(aws: LocalAws, uri: str, folder: Path, path: Path, file: BinaryIO) -> None:
    upload_open_file(aws, file, folder / path, f"{uri}/{path.as_posix()}")


def _remove_checkpoint(aws: LocalAws, uri: str, path: Path) -> None:
    stored = aws.objects.find(*split_uri(f"{uri}/{path.as_posix()}"))
    if stored is not None:
        aws.delete_objects([stored])
