"""Runs a job's program as a plain process: paths that its request names are mapped to its folder (see Container).

What a script has built in is not mapped. `/opt/ml/…` then means this machine's own: where the user may not write
there, as is usual, the script fails by itself. Where he may (root), it must not succeed with its output in the
wrong place. So the program is kept from there by Landlock, on a kernel that has it: to write, make or remove
anything below /opt/ml, or right in one of the folders above it, is refused to Python, shell and all that they start
(the rest of the machine stays open). Without Landlock (macOS, old kernels) /opt/ml is compared before and after,
and a change fails the step: too late for the file, and a neighbour's change is blamed on the job, but no step
succeeds without its output.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import ML, Container
from pipeline.local.jobs.launchers.landlock import is_available
from pipeline.local.jobs.launchers.launcher import Name, OnThisMachine, Program, ToStart
from pipeline.local.jobs.launchers.surroundings import around
from pipeline.local.jobs.reaper import Entering

# Size, time of change and number of a file, by path.
_State = dict[str, tuple[int, int, int]]


class Process(OnThisMachine):
    """The Launcher; `needed` are the folders that a job may write to though they lie below /opt/ml.

    `ml` is this machine's own /opt/ml, and `guarded` whether to use Landlock; both are for tests.
    """

    name: Name = "process"
    seen_at: Path | None = None

    def __init__(self, needed: Sequence[Path], ml: Path = Path(ML), guarded: bool | None = None) -> None:
        self._needed = needed
        self._ml = ml
        self._writable = _may_write(ml)
        self._guarded = self._writable and (is_available() if guarded is None else guarded)

    @contextlib.contextmanager
    def around(self, containers: Sequence[Container]) -> Iterator[None]:
        """See Launcher: fails the step if /opt/ml changed and nothing kept the job from there."""
        if self._guarded or not self._writable:
            yield
            return
        before = self._state()
        yield
        after = self._state()
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if changed:
            listed = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
            raise StepFailed(
                f"While the job ran, this machine's own {self._ml} changed ({listed}): the script has that path "
                "written into it, and what it wrote there reached no output. Remove that, and let the script take "
                "its paths from arguments or SM_* variables, or run it where a job has an /opt/ml of its own: on "
                "Linux with --launcher sandbox, or in its image with --launcher container."
            )

    def program(self, asked: ToStart) -> Program:
        """See Launcher."""
        container, environment = asked.container, asked.environment
        place = container.root if asked.cwd == "/" else container.path(asked.cwd)
        if not self._guarded:
            return Program(asked.command, place, environment)
        own = {self._ml}
        writable = [
            str(path) for path in around(own, (*self._needed, container.root)) if not path.is_symlink()
        ]
        return Program(asked.command, place, environment, Entering("guard", [writable]))

    def _state(self) -> _State:
        found: _State = {}
        for folder, _, names in os.walk(self._ml):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118 (fast)
                with contextlib.suppress(OSError):
                    status = os.lstat(path)
                    found[path] = (status.st_size, status.st_mtime_ns, status.st_ino)
        return found


def _may_write(path: Path) -> bool:
    """Whether this process could write to the folder `path`, or make it."""
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    return os.access(there, os.W_OK)
