"""Runs a job's program in a mount namespace of its own, where its folder is "/": a true /opt/ml, a /tmp of its own.

Linux. The rest of this machine stays where it is: what the request names (/opt/ml, /tmp, each LocalPath) is the
job's, everything else is bound in from outside, and so is what the engine needs of those places (an interpreter
under /tmp). All that is the job's lies in one mount, so that a file can be renamed from /tmp to /opt/ml/model. The
packages of this Python and the state folder are read-only.

As root the program loses CAP_SYS_ADMIN, with which it could undo the mounts; a user's stays the same user, in a
user namespace, without any capability. Network, processes, memory and devices are this machine's: it is a view of
the files, not a wall against a job that means harm.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.local.jobs.container import ML, Container
from pipeline.local.jobs.launchers.launcher import Name, OnThisMachine, Program, ToStart
from pipeline.local.jobs.launchers.surroundings import around
from pipeline.local.jobs.layer import LAYER
from pipeline.local.jobs.reaper import Entering
from pipeline.local.jobs.used_folders import MOST_WAITING
from pipeline.local.state.state_dir import Home, scratch_name

_PROBE_SECONDS = 20


class Sandbox(OnThisMachine):
    """The Launcher; `needed` are the folders of this machine that a job must find also where a path is its own,
    `protected` those that it must not change, as `home` but for what pip downloads.

    The empty folders on which the machine's are mounted go from job to job of an execution, by way of `temporary`
    (None: each job has new ones): on some file systems making and removing thirty takes longer than mounting them.
    """

    name: Name = "sandbox"
    seen_at: Path | None = Path("/")

    def __init__(
        self,
        needed: Sequence[Path],
        protected: Sequence[Path] = (),
        temporary: Path | None = None,
        home: Home | None = None,
    ) -> None:
        self._needed = needed
        self._temporary = temporary
        # Folders with places that no job has, and those of the jobs that run, by the roots of their containers.
        self._free: list[str] = []
        self._taken: dict[Path, str] = {}
        self._found: dict[frozenset[Path], Sequence[str]] = {}
        self._protected = _all_protected(protected)
        self._home: Home | None = None
        if home is not None:
            with contextlib.suppress(OSError):  # Where it cannot be made pip does without.
                home.downloads.mkdir(mode=0o700, exist_ok=True)
            self._home = Home(home.root.resolve())

    @contextlib.contextmanager
    def around_execution(self) -> Iterator[Sequence[str]]:
        """See Launcher."""
        try:
            yield ()
        finally:
            while self._free:
                _remove_places(self._free.pop())

    @contextlib.contextmanager
    def around(self, containers: Sequence[Container]) -> Iterator[None]:
        """See Launcher: at the end the empty places of what was bound in go again."""
        for container in containers:
            self._take_places(container)
        try:
            yield
        finally:
            for container in containers:
                kept = _kept(container)
                places = self._taken.pop(container.root, "")
                for path in reversed(self._bound(container)):
                    if not places or not _keep_place(str(container.root), path, places):
                        _remove_place(str(container.root), path, kept)
                if places and len(self._free) < MOST_WAITING:
                    self._free.append(places)
                elif places:
                    _remove_places(places)

    def program(self, asked: ToStart) -> Program:
        """See Launcher."""
        container, environment = asked.container, asked.environment
        readonly = [
            str(path) for path in dict.fromkeys(self._protected) if path not in container.root.parents
        ]
        places = self._taken.get(container.root, "")
        writable = []
        if self._home is not None:
            readonly.append(str(self._home.root))
            writable.append(str(self._home.downloads))
        words = [str(container.root), asked.cwd, self._bound(container), readonly, places, writable]
        return Program(asked.command, container.root, environment, Entering("sandbox", words))

    def fault(self, folder: Path) -> str | None:
        """Why no sandbox can be made on this machine, found by making one below `folder`; None: it can."""
        with Trial(self, folder) as trial:
            return trial.fault()

    def is_for(self, needed: Sequence[Path], protected: Sequence[Path]) -> bool:
        """Whether it is as one that is made with these."""
        return (self._needed, self._protected) == (needed, _all_protected(protected))

    def _take_places(self, container: Container) -> None:
        """Let the container have places that a job before it had, or a folder for its own to be kept in."""
        if self._temporary is None:
            return
        with contextlib.suppress(OSError):  # Without it goes, too.
            self._taken[container.root] = (
                self._free.pop()
                if self._free
                else tempfile.mkdtemp(prefix=scratch_name("places-"), dir=self._temporary)
            )

    def _bound(self, container: Container) -> Sequence[str]:
        """What is bound in: the machine's files are looked through once for all jobs that have the same folders."""
        own = _own(container)
        if own not in self._found:
            self._found[own] = [str(path) for path in around(own, self._needed)]
        return self._found[own]


class Trial:
    """A sandbox that is made below `folder`, and a file renamed in it, to see whether this machine allows it.

    A context manager; other work can go on until the answer is asked for.
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self._root: Path | None = None
        self._process: subprocess.Popen[str] | None = None
        self._fault = None if sys.platform.startswith("linux") else "it needs Linux"
        if self._fault is not None:
            return
        try:
            self._root = Path(tempfile.mkdtemp(prefix=scratch_name("probe-"), dir=folder))
            container = Container.create(self._root, (), sandbox.seen_at)
            container.path(f"{ML}/model/probe").touch()
            test = f"import os; os.rename('{ML}/model/probe', '/tmp/probe')"
            python = [sys.executable, "-I", "-S", "-c", test]
            program = sandbox.program(ToStart(container, python, "/", {}))
            self._process = subprocess.Popen(
                program.command,
                cwd=program.cwd,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            self._fault = str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def fault(self) -> str | None:
        """Why no sandbox can be made; None: it can."""
        if self._fault is not None or self._process is None or self._root is None:
            return self._fault
        try:
            _, said = self._process.communicate(timeout=_PROBE_SECONDS)
        except subprocess.SubprocessError as error:
            return str(error)
        if self._process.returncode != 0 or not (self._root / "tmp" / "probe").exists():
            return (said.strip() or f"exit status {self._process.returncode}").splitlines()[-1]
        return None


def _kept(container: Container) -> Set[str]:
    """The job's own folders, and what they are in."""
    return {place for path in _own(container) for place in _above(path)}


@functools.lru_cache(maxsize=1000)
def _above(path: Path) -> tuple[str, ...]:
    return tuple(str(place) for place in (path, *path.parents))


def _own(container: Container) -> frozenset[Path]:
    """What is the job's own, rather than this machine's."""
    return frozenset(Path(path) for path in (ML, "/tmp", LAYER, *container.mounts))


def _all_protected(more: Sequence[Path]) -> tuple[Path, ...]:
    return (*_base(), *(path.resolve() for path in more))


def _base() -> list[Path]:
    """What must not change of the Python that runs this: its environment, or the packages of a system's Python."""
    if sys.prefix != sys.base_prefix:
        return [Path(sys.prefix).resolve()]
    paths = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return [path for path in paths if path.is_dir()]


def _keep_place(root: str, path: str, places: str) -> bool:
    """Move what was made to bind `path`, an entry of "/", to `places`; False when it is not as it was made.

    On a folder or file something was mounted while the job ran, but a link the job could replace.
    """
    place = root + path
    if path.count("/") != 1:
        return False
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            same = os.readlink(place) == os.readlink(path)  # noqa: PTH115 (pathlib takes longer than the system)
        else:
            same = os.path.isdir(place) if stat.S_ISDIR(mode) else _is_empty_file(place)  # noqa: PTH112
        if same:
            os.rename(place, places + path)  # noqa: PTH104
    except OSError:
        return False
    return same


def _remove_places(places: str) -> None:
    """Remove the folder `places` with the empty folders and files, and the links, in it.

    What has something in it stays: no folder on which the machine's own may be mounted is ever emptied.
    """
    with contextlib.suppress(OSError):
        with os.scandir(places) as entries:
            for each in list(entries):
                with contextlib.suppress(OSError):
                    (os.rmdir if each.is_dir(follow_symlinks=False) else os.unlink)(each.path)
        os.rmdir(places)  # noqa: PTH106


def _is_empty_file(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _remove_place(root: str, path: str, kept: Set[str]) -> None:
    """Remove what was made below `root` to bind `path` there, and folders above that nothing else is in, but for
    `kept`. Nearly all are empty folders; pathlib would take longer for it than the job's own start."""
    with contextlib.suppress(OSError):
        try:
            os.rmdir(root + path)  # noqa: PTH106
        except NotADirectoryError:
            if not os.path.islink(root + path) and not _is_empty_file(root + path):  # noqa: PTH114
                return
            os.unlink(root + path)  # noqa: PTH108
        while (path := path.rpartition("/")[0]) and path not in kept:
            os.rmdir(root + path)  # noqa: PTH106
