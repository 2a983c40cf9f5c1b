"""What a job was started with, written down beside its folder: for `debug`, which starts something there again.

Without secrets: the variables that lead to the local S3 of that run and to the user's package indexes are left out,
and whoever starts something has his own. What the request itself has in its Environment is there, as it is in
request.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import StateError

NAME = "job.json"


@dataclass(frozen=True)
class HostStart:
    """What one host of a job ran: `command` in the folder `cwd` of its container, with the `environment`.

    `root` is where the folder that stands for the container was, as the job found it; `mounts`: see Container.
    Of a real container there are its `image`, by the name that it was run by, and its share of the `cores`.
    """

    name: str
    root: str
    mounts: Sequence[str]
    command: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    image: str | None = None
    cores: int = 1

    def moved(self, root: Path) -> HostStart:
        """The same with the folder at `root`: a plain process has paths of it in its command and environment."""
        new = str(root)
        return HostStart(
            self.name,
            new,
            self.mounts,
            [word.replace(self.root, new) for word in self.command],
            self.cwd,
            {name: value.replace(self.root, new) for name, value in self.environment.items()},
            self.image,
            self.cores,
        )


@dataclass(frozen=True)
class KeptStart:
    """A job's name, the launcher that started it, and what each of its hosts ran."""

    job: str
    launcher: Literal["sandbox", "process", "container"]
    hosts: tuple[HostStart, ...]


def without(environment: Mapping[str, str], secret: Mapping[str, str]) -> dict[str, str]:
    """The environment but for those of its variables that are as in `secret`."""
    return {name: value for name, value in environment.items() if secret.get(name) != value}


def keep_start(folder: Path, start: KeptStart) -> None:
    """Write it into the step's `folder`. Raises OSError when the disk does not take it."""
    # Neither dataclasses.asdict, which copies all of it, nor indented: that takes five times as long.
    text = json.dumps({**vars(start), "hosts": [vars(host) for host in start.hosts]})
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def read_start(folder: Path) -> KeptStart | None:
    """What keep_start wrote into the step's folder; None when nothing is there.

    Raises:
        StateError: it cannot be read, or is not what was written.
    """
    file = folder / NAME
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        hosts = tuple(HostStart(**host) for host in value["hosts"])
        return KeptStart(str(value["job"]), value["launcher"], hosts)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"Could not read {file}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{file} is not what was written there ({error}). Run the step again: python -m pipeline resume"
        ) from None
