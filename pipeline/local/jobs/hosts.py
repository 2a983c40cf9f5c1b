"""The instances of a job: a folder, a host name, a part of the log and a share of this machine for each.

Host names are the service's: algo-1, algo-2, …. A job with one instance has it in the folder `container`; several
have theirs in folders with their names below it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.formatting import plural
from pipeline.local.jobs.channels import s3_errors
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.environment import visible_gpus
from pipeline.local.jobs.image import Image, InImage
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.joblog import HostLog, JobLog, Log
from pipeline.local.jobs.layer import PYTHON, make_layer
from pipeline.local.jobs.used_folders import UsedFolders
from pipeline.local.state.removing import remove_tree
from pipeline.spec.definition import Json

# DescribeTrainingJob's FailureReason and DescribeProcessingJob's ExitMessage are cut at 1 KB.
_LONGEST_MESSAGE = 1024


@dataclass(frozen=True)
class Host:
    """One instance of a job. `gpus` are the names of its GPUs, as in CUDA_VISIBLE_DEVICES."""

    name: str
    container: Container
    log: Log
    cores: int
    gpus: tuple[str, ...]

    @property
    def python(self) -> str:
        """The job's Python, as the job finds it: that of its layer, or of its image."""
        return "python3" if self.container.of is not None else self.container.seen(PYTHON)

    def write_config(self, path: str, content: Json) -> None:
        """Write a JSON file of the container contract."""
        target = self.container.path(path)
        with s3_errors(f"Writing {path} of the job"):
            target.write_text(json.dumps(content) + "\n", encoding="utf-8")

    def message(self, path: str) -> str:
        """The start of the message that the job left in the file `path` of the container; "" when there is none."""
        try:
            with self.container.path(path).open("rb") as file:
                return file.read(_LONGEST_MESSAGE).decode("utf-8", errors="replace").strip()
        except OSError:
            return ""


def make_hosts(
    root: Path,
    mounts: tuple[str, ...],
    *,
    count: int,
    cores: int,
    log: JobLog,
    user: Mapping[str, str],
    seen_at: Path | None = None,
    python: Interpreter | None = None,
    image: Image | None = None,
    network: str | None = None,
    used: UsedFolders | None = None,
) -> tuple[Host, ...]:
    """Make fresh containers at `root` for `count` instances that share `cores` cores and the GPUs of `user`.

    `seen_at`: see Container. `python`: see make_layer. `image`: what real containers are made of (None: folders are
    all there is), and `network` what several share. `used`: folders of earlier jobs with the same `seen_at` and
    `python`.

    The service's instances are equal, so the shares are; what does not divide is left over. With fewer GPUs than
    hosts nobody gets one: NCCL refuses two processes on the same.

    Raises:
        StepFailed: a mount is not an absolute path inside the container.
        OSError: a folder cannot be made.
    """
    gpus = visible_gpus(user)
    if count == 1:
        of = None if image is None else InImage(image, "algo-1", cores, gpus)
        return (Host("algo-1", _make_container(root, mounts, seen_at, python, of, used), log, cores, gpus),)
    remove_tree(root)
    hosts = []
    each = len(gpus) // count
    for rank in range(count):
        name = f"algo-{rank + 1}"
        share = gpus[rank * each : (rank + 1) * each]
        own_cores = max(1, cores // count)
        of = None if image is None else InImage(image, name, own_cores, share, network)
        container = _make_container(root / name, mounts, seen_at, python, of, used)
        hosts.append(Host(name, container, HostLog(log, name), own_cores, share))
    log.say(
        f"{count} hosts share {plural(cores, 'core')} of this machine, and {plural(len(gpus), 'GPU')}: {each} each"
    )
    return tuple(hosts)


def _make_container(
    root: Path,
    mounts: tuple[str, ...],
    seen_at: Path | None,
    python: Interpreter | None,
    of: InImage | None,
    used: UsedFolders | None,
) -> Container:
    if of is not None:
        return Container.create(root, mounts, seen_at, of)
    remove_tree(root)
    if used is None or not used.take(root):
        make_layer(Container.create(root, (), seen_at), python)
        if used is not None:
            used.learn(root)
    container = Container(root, mounts, seen_at)
    container.make_mounts()
    return container


def has_network(hosts: Sequence[Host]) -> bool:
    """Whether the hosts have a network of their own, where they find each other by their names."""
    of = hosts[0].container.of
    return of is not None and of.network is not None


def merge_folders(target: Path, sources: Sequence[Path]) -> list[str]:
    """Move what is in the folders `sources` to `target`; returns the relative paths of what was there already."""
    left = []
    for source in sources:
        for path in sorted(source.rglob("*")):
            relative = path.relative_to(source)
            place = target / relative
            try:
                if path.is_dir() and not path.is_symlink():
                    place.mkdir(parents=True, exist_ok=True)
                elif os.path.lexists(place):
                    left.append(relative.as_posix())
                else:
                    path.rename(place)
            except (FileExistsError, NotADirectoryError):
                left.append(relative.as_posix())
    return left
