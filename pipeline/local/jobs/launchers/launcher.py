"""What the engine asks of whoever starts jobs' programs, and what they all need to know of this machine."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, Self

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.image import Image
from pipeline.local.jobs.reaper import Entering
from pipeline.spec.step_types import STEP_TYPES

ARGUMENT = 100_000  # bytes

Name = Literal["sandbox", "process", "container"]


@dataclass(frozen=True)
class Program:
    """A process to start: `environment` is its whole environment, `cwd` a folder of this machine.

    `entering`: where it goes before it becomes `becomes`.
    """

    becomes: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    entering: Entering | None = None

    @property
    def command(self) -> list[str]:
        """What does the same without a reaper, in the folder and with the environment."""
        if self.entering is None:
            return [*self.becomes]
        words = marshal.dumps(self.entering.as_lists).hex()
        own_locale = "yes" if "LC_CTYPE" in self.environment else "no"
        script = str(Path(__file__).with_name("enter.py"))
        # Linux takes 128 KiB of one argument: folders with thousands of files need more.
        parts = [words[at : at + ARGUMENT] for at in range(0, len(words), ARGUMENT)]
        said = [self.entering.way, str(len(parts)), *parts, own_locale]
        return [sys.executable, "-I", "-S", script, *said, *self.becomes]


@dataclass(frozen=True)
class ToStart:
    """What is to run in `container`: `command`, in its folder `cwd` (an absolute path of it).

    `environment` is its whole environment. `terminal`: it has this process's terminal. `port`: of this machine's
    loopback interface, at which what it serves in an image is to be found.
    """

    container: Container
    command: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    terminal: bool = False
    port: int | None = None


class Launcher(Protocol):
    """A way to run jobs; used from several threads.

    The program that it makes of a job's must keep what `process.py` promises: it stays in its process group, takes
    signals, and ends with the job's own exit status.
    """

    @property
    def name(self) -> Name:
        """What the record of a step says."""

    @property
    def seen_at(self) -> Path | None:
        """Where a job finds the folder that stands for its container: see Container."""

    @property
    def beside(self) -> Launcher:
        """What runs the programs of this machine that have no image, such as the user's functions."""

    def image(self, step: str, uri: str) -> Image | None:
        """What the job of the step of that name runs in, whose request names the image `uri`; None: images are not
        run.

        Raises:
            StepFailed: it is not there.
        """

    def network(self, root: Path) -> str | None:
        """A network for the hosts of a job whose folder is `root`; None: they share this machine's."""

    def around_execution(self) -> AbstractContextManager[Sequence[str]]:
        """Lasts while jobs run; gives the command that removes what they left, should this process be killed."""

    def around(self, containers: Sequence[Container]) -> AbstractContextManager[None]:
        """Lasts while the programs of a job's `containers` run.

        Raises:
            StepFailed: at its end, when the job wrote where its container's files should have been.
        """

    def program(self, asked: ToStart) -> Program:
        """The process to start so that what is asked for runs.

        Raises:
            OSError: the container cannot be made ready.
        """


class OnThisMachine:
    """What is the same of the launchers that run no images."""

    @property
    def beside(self) -> Self:
        """See Launcher."""
        return self

    def image(self, step: str, uri: str) -> None:
        """See Launcher."""

    def network(self, root: Path) -> None:
        """See Launcher."""

    @contextmanager
    def around_execution(self) -> Iterator[Sequence[str]]:
        """See Launcher."""
        yield ()


def launcher_for(launcher: Launcher, step_type: str) -> Launcher:
    """Who runs the jobs of steps of this type."""
    return launcher if STEP_TYPES[step_type].image is not None else launcher.beside
