"""Runs a job's program in a container of its image: Docker's or podman's.

The job's folder is mounted at /opt/ml (and at every other LocalPath of the request); all else is the image's. As in
SageMaker the container runs as root. On an engine where that root is the machine's, what it leaves is made the
user's own when it has ended (sweep.py), by a container too.

The engine's command stays attached to the container: its output is the job's, a signal to it is one to the job,
and its exit status the job's. When it is killed, the container goes on; so whoever made one removes it by name, and
what a killed command has left is removed by its reaper, or else by the next command that uses containers: they bear
the identity of the process that wanted them, and nothing else is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.launchers.containers import sweep
from pipeline.local.jobs.launchers.containers.command import (
    PORT_VARIABLE,
    SERVED,
    ToRun,
    run_command,
    run_environment,
)
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.images import ImageChoice, choose_image, missing_image
from pipeline.local.jobs.launchers.launcher import Launcher, Name, Program, ToStart
from pipeline.local.state.identity import ProcessIdentity

_DIGITS = 12


class Containers:
    """The Launcher. `choices`: see choose_image; `beside` runs what has no image: the user's functions.

    `environ` is the user's environment, in which the engine's command runs.
    """

    name: Name = "container"
    seen_at: Path | None = Path("/")

    def __init__(
        self, engine: Engine, choices: Sequence[ImageChoice], beside: Launcher, environ: Mapping[str, str]
    ) -> None:
        self.engine = engine
        self.beside = beside
        self.choices = tuple(choices)
        self._environ = dict(environ)
        self._owner = str(ProcessIdentity.mine())
        self._user = _user_inside(engine)
        self._cores = os.cpu_count() or 1
        self._found: dict[str, Image] = {}
        self._numbers = itertools.count(1)
        self._running: dict[Path, str] = {}
        self._lock = threading.Lock()

    def image(self, step: str, uri: str) -> Image:
        """See Launcher."""
        return self.image_called(choose_image(self.choices, step, uri))

    def image_called(self, name: str) -> Image:
        """The image of that name, looked for once. Raises StepFailed when the engine lacks it."""
        with self._lock:
            found = self._found.get(name) or self.engine.find_image(name)
            if found is None:
                raise StepFailed(missing_image(self.engine, name))
            self._found[name] = found
        return found

    @contextlib.contextmanager
    def around_execution(self) -> Iterator[Sequence[str]]:
        """See Launcher."""
        script = str(Path(sweep.__file__))
        try:
            yield [sys.executable, "-I", "-S", script, self.engine.program, self._owner]
        finally:
            # One whose command was killed while the engine still made it: its name meant nothing then.
            sweep.sweep(self.engine.program, self._owner)

    @contextlib.contextmanager
    def around(self, containers: Sequence[Container]) -> Iterator[None]:
        """See Launcher: at the end the containers are gone, and the files are ours."""
        networks = {each.of.network for each in containers if each.of is not None and each.of.network}
        for network in networks:
            self.engine("network", "create", "--label", f"{sweep.OWNER}={self._owner}", network)
        try:
            yield
        finally:
            for container in containers:
                with self._lock:
                    name = self._running.pop(container.root, None)
                if name is not None:
                    sweep.remove(self.engine.program, name)
            for network in networks:
                self.engine.quietly("network", "rm", network)
            for container in containers:
                self._take_back(container)

    def program(self, asked: ToStart) -> Program:
        """See Launcher."""
        import psutil

        container, of = asked.container, asked.container.of
        assert of is not None, "made for this launcher"
        name = f"pipeline-{_digest(f'{self._owner} {container.root} {next(self._numbers)}')}"
        with self._lock:
            self._running[container.root] = name
        # To an init (tini) it says that signals are for the job's whole process group, as elsewhere.
        environment = {**asked.environment, "TINI_KILL_PROCESS_GROUP": "1"}
        network = of.network or self.engine.address.network
        if asked.port is not None:
            environment[PORT_VARIABLE] = str(asked.port if network == "host" else SERVED)
        run = ToRun(
            name=name,
            owner=self._owner,
            asked=replace(asked, environment=environment),
            of=of,
            network=network,
            user=self._user,
            # As Linux has it by itself; a container would have 64 MB.
            shared_memory=psutil.virtual_memory().total // 2,
            cores=of.cores if of.cores < self._cores else None,
        )
        return Program(
            run_command(self.engine, run), container.root, run_environment(self._environ, environment)
        )

    def network(self, root: Path) -> str | None:
        """See Launcher."""
        if self.engine.address.network is not None:
            return None
        return f"pipeline-{_digest(f'{self._owner} {root}')}"

    def _take_back(self, container: Container) -> None:
        """Make the container's files ours.

        Raises:
            StepFailed: neither the job's image nor another has chown.
        """
        if not self._user or not _has_foreign_files(container.root):
            return
        assert container.of is not None
        images = dict.fromkeys([container.of.image.id, *(image.id for image in self._found.values())])
        for image in images:
            if sweep.hand_back(self.engine.program, image, str(container.root), self._user):
                return
        raise StepFailed(
            f"The job's container wrote as root, and its files in {container.root} could not be made yours: its "
            f"image {container.of.image.name} has no chown. Remove them with: sudo rm -r {container.root}"
        )


def sweep_gone(engine: Engine) -> None:
    """Remove what commands have left that run no more, and nothing else: neither what runs, nor what cannot be told
    from here."""
    for owner in sweep.owners(engine.program):
        identity = ProcessIdentity.parse(owner)
        if identity is not None and identity.life() == "gone":
            sweep.sweep(engine.program, owner)


def _user_inside(engine: Engine) -> str:
    """Whose the files of containers are to be made, as they call him; "" when root may have them."""
    if engine.is_rootless:
        return "0:0"
    return f"{os.geteuid()}:{os.getegid()}" if os.geteuid() != 0 else ""


def _has_foreign_files(folder: Path) -> bool:
    """Whether somebody else owns something at or below the folder."""
    mine = os.geteuid()
    for path, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            with contextlib.suppress(FileNotFoundError):
                if os.lstat(os.path.join(path, name)).st_uid != mine:  # noqa: PTH118 (fast)
                    return True
    return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
