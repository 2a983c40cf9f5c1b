"""Runs a job's program in a mount namespace of its own, where its folder is "/": a true /opt/ml, a /tmp of its own.

Linux. The rest of this machine stays where it is: what the request names (/opt/ml, /tmp, each LocalPath) is the
job's, everything else is bound in from outside, and so is what the engine needs of those places (an interpreter
under /tmp). All that is the job's lies in one mount, so that a file can be renamed from /tmp to /opt/ml/model. The
packages of this Python are read-only.

As root the program loses CAP_SYS_ADMIN, with which it could undo the mounts; a user's stays the same user, in a
user namespace, without any capability. Network, processes, memory and devices are this machine's: it is a view of
the files, not a wall against a job that means harm.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence, Set
from pathlib import Path

from pipeline.local.jobs.container import ML, Container
from pipeline.local.jobs.launchers.launcher import Name, OnThisMachine, Program, ToStart
from pipeline.local.jobs.launchers.surroundings import around
from pipeline.local.jobs.layer import LAYER
from pipeline.local.jobs.reaper import Entering
from pipeline.local.state.state_dir import scratch_name

_PROBE_SECONDS = 20


class Sandbox(OnThisMachine):
    """The Launcher; `needed` are the folders of this machine that a job must find also where a path is its own,
    `protected` those that it must not change."""

    name: Name = "sandbox"
    seen_at: Path | None = Path("/")

    def __init__(self, needed: Sequence[Path], protected: Sequence[Path] = ()) -> None:
        self._needed = needed
        self._found: dict[frozenset[Path], Sequence[str]] = {}
        self._protected = (*_base(), *(path.resolve() for path in protected))

    @contextlib.contextmanager
    def around(self, containers: Sequence[Container]) -> Iterator[None]:
        """See Launcher: at the end the empty places of what was bound in go again."""
        try:
            yield
        finally:
            for container in containers:
                # The job's own folders, and what they are in.
                kept = {str(place) for path in _own(container) for place in (path, *path.parents)}
                for path in reversed(self._bound(container)):
                    _remove_place(str(container.root), path, kept)

    def program(self, asked: ToStart) -> Program:
        """See Launcher."""
        container, environment = asked.container, asked.environment
        readonly = [
            str(path) for path in dict.fromkeys(self._protected) if path not in container.root.parents
        ]
        words = [str(container.root), asked.cwd, self._bound(container), readonly]
        return Program(asked.command, container.root, environment, Entering("sandbox", words))

    def fault(self, folder: Path) -> str | None:
        """Why no sandbox can be made on this machine, found by making one below `folder`; None: it can."""
        if not sys.platform.startswith("linux"):
            return "it needs Linux"
        try:
            root = Path(tempfile.mkdtemp(prefix=scratch_name("probe-"), dir=folder))
        except OSError as error:
            return str(error)
        try:
            container = Container.create(root, (), self.seen_at)
            container.path(f"{ML}/model/probe").touch()
            test = f"import os; os.rename('{ML}/model/probe', '/tmp/probe')"
            python = [sys.executable, "-I", "-S", "-c", test]
            program = self.program(ToStart(container, python, "/", {}))
            done = subprocess.run(
                program.command,
                cwd=program.cwd,
                env={},
                capture_output=True,
                text=True,
                timeout=_PROBE_SECONDS,
            )
            if done.returncode != 0 or not container.path("/tmp/probe").exists():
                return (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        except (OSError, subprocess.SubprocessError) as error:
            return str(error)
        finally:
            shutil.rmtree(root, ignore_errors=True)
        return None

    def _bound(self, container: Container) -> Sequence[str]:
        """What is bound in: the machine's files are looked through once for all jobs that have the same folders."""
        own = _own(container)
        if own not in self._found:
            self._found[own] = [str(path) for path in around(own, self._needed)]
        return self._found[own]


def _own(container: Container) -> frozenset[Path]:
    """What is the job's own, rather than this machine's."""
    return frozenset(Path(path) for path in (ML, "/tmp", LAYER, *container.mounts))


def _base() -> list[Path]:
    """What must not change of the Python that runs this: its environment, or the packages of a system's Python."""
    if sys.prefix != sys.base_prefix:
        return [Path(sys.prefix).resolve()]
    paths = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return [path for path in paths if path.is_dir()]


def _remove_place(root: str, path: str, kept: Set[str]) -> None:
    """Remove what was made below `root` to bind `path` there, and folders above that nothing else is in, but for
    `kept`. Nearly all are empty folders; pathlib would take longer for it than the job's own start."""
    with contextlib.suppress(OSError):
        try:
            os.rmdir(root + path)  # noqa: PTH106
        except NotADirectoryError:
            found = os.lstat(root + path)
            if not stat.S_ISLNK(found.st_mode) and (not stat.S_ISREG(found.st_mode) or found.st_size != 0):
                return
            os.unlink(root + path)  # noqa: PTH108
        while (path := path.rpartition("/")[0]) and path not in kept:
            os.rmdir(root + path)  # noqa: PTH106
