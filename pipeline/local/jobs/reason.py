"""Why a job failed, in words: how its process ended, what it left as its message, hints, the end of its log."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.local.jobs.container import ML
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.process import Ended

# What a shell ends with, and our launchers, when there is no such program.
NOT_FOUND = 127
# What podman's init says then, which ends with 1.
_NOT_STARTED = "(catatonit"
# A path that was not mapped to the job's folder, as an error quotes it.
_BUILT_IN_PATH = re.compile(rf"""["'‘“\s]{ML}\b""")
_REFUSED = re.compile(
    r"Permission denied|No such file or directory|Directory nonexistent|Read-only file system"
)


@dataclass(frozen=True)
class Failed:
    """What a failure is told from: the end of `host`'s process, which ran `command`, whose image would be `image`;
    `stand_in`: the command is one, in the place of what the image has.

    `message` is what the job wrote for this; `several`: the job had more than one host.
    """

    host: Host
    ended: Ended
    command: Sequence[str]
    environment: Mapping[str, str]
    image: str
    stand_in: bool
    message: str
    several: bool
    log: Path

    def text(self) -> str:
        """The reason: a first line that says it in short, and more below."""
        who = f"host {self.host.name}: " if self.several and self.ended.cause == "exited" else ""
        parts = [who + self.ended.describe() + (f": {self.message}" if self.message else "")]
        tail = self.host.log.tail
        if self.ended.cause == "exited" and (
            self.ended.returncode == NOT_FOUND or any(_NOT_STARTED in line for line in tail)
        ):
            parts.append(self._missing())
        if is_mapped(self.host) and has_built_in_path([self.message, *tail]):
            parts.append(built_in_path_hint(self.command))
        if tail:
            parts.append("\n".join([f"Last lines of its log ({self.log}):", *(f"  {line}" for line in tail)]))
        return "\n".join(parts)

    def _missing(self) -> str:
        program = self.command[0]
        what = (
            "A program that it calls, which its log names,"
            if self._is_there(program)
            else f"The program {program}"
        )
        if self.host.container.of is not None:
            return f"{what} is not in the image {self.host.container.of.image.name}."
        if self.stand_in:
            return f"{what} is not on this machine. Install it, so that it is on the PATH, or correct --stand-in."
        return (
            f"{what} is not on this machine. On SageMaker it comes with the image {self.image}, which a local run "
            "does not use: install it here, so that it is on the PATH, name what to run instead with --stand-in, "
            "or run the job in its image with --launcher container."
        )

    def _is_there(self, program: str) -> bool:
        """Whether the job could find `program`: in its container, or on this machine."""
        if self.host.container.of is not None:
            # The engine names what it could not start; podman's init does not.
            starts = (_NOT_STARTED, program)
            return not any(
                "exec" in line and any(each in line for each in starts) for line in self.host.log.tail
            )
        root = self.host.container.root
        folders = self.environment.get("PATH", os.defpath).split(os.pathsep)
        inside = os.pathsep.join(str(root / folder.lstrip("/")) for folder in folders)
        places = (program, str(root / program.lstrip("/"))) if "/" in program else (program,)
        paths = (os.pathsep.join(folders), inside)
        return any(shutil.which(place, path=path) for place in places for path in paths)


def is_mapped(host: Host) -> bool:
    """Whether the host's job finds its folders elsewhere than at their own paths."""
    return host.container.seen_at is None


def has_built_in_path(lines: Iterable[str], *, refused: bool = False) -> bool:
    """Whether a line names a path below /opt/ml; `refused`: as one that could not be used."""
    return any(_BUILT_IN_PATH.search(line) and (not refused or _REFUSED.search(line)) for line in lines)


def built_in_path_hint(command: Sequence[str]) -> str:
    """What to do about a script that has a path written into it which is not its folder's."""
    named = (PurePosixPath(word).name for word in command if word.endswith((".py", ".sh")))
    script = next(named, PurePosixPath(command[0]).name)
    return (
        f"{script}, the step's own script, seems to have a path below {ML} written into it, which is not the job's "
        "folder when it runs as a plain process: let it take its paths from arguments or from SM_* variables, or "
        "run it on Linux with --launcher sandbox."
    )
