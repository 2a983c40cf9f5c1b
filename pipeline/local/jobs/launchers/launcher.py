"""What the engine asks of whoever starts jobs' programs, and what they all need to know of this machine."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pipeline.local.jobs.container import Container

Name = Literal["sandbox", "process"]


@dataclass(frozen=True)
class Program:
    """A process to start: `environment` is its whole environment, `cwd` a folder of this machine."""

    command: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]


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

    def around(self, containers: Sequence[Container]) -> AbstractContextManager[None]:
        """Lasts while the programs of a job's `containers` run.

        Raises:
            StepFailed: at its end, when the job wrote where its container's files should have been.
        """

    def program(
        self, container: Container, command: Sequence[str], cwd: str, environment: Mapping[str, str]
    ) -> Program:
        """What to start so that `command` runs in `container`, in its folder `cwd` (an absolute path of it).

        Raises:
            OSError: the container cannot be made ready.
        """


def enter(
    how: Literal["sandbox", "guard"],
    words: Sequence[str | Sequence[str]],
    command: Sequence[str],
    environment: Mapping[str, str],
) -> list[str]:
    """The command that runs enter.py with `words`, which becomes `command` there."""
    own_locale = "yes" if "LC_CTYPE" in environment else "no"
    argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("enter.py")), how, own_locale]
    for word in words:
        argv += [word] if isinstance(word, str) else [str(len(word)), *word]
    return [*argv, *command]
