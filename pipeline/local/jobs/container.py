"""The folder that stands for a job's container: what the job finds at /opt/ml lies at <root>/opt/ml.

Where a job cannot be given another view of the files (see launchers), every path that its request names is mapped:
in the command, the environment, the hyperparameters and the configuration files. A path that a script has built in
is not; scripts take their paths from flags or SM_* variables.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.errors import StepFailed
from pipeline.local.jobs.image import InImage
from pipeline.local.state.removing import remove_tree
from pipeline.spec.definition import Json

ML = "/opt/ml"
# Every folder of the documented container contract, for both kinds of jobs; each after the one that it is in.
_FOLDERS = (
    "/opt",
    "/opt/ml",
    "/opt/ml/input",
    "/opt/ml/input/config",
    "/opt/ml/input/data",
    "/opt/ml/model",
    "/opt/ml/output",
    "/opt/ml/output/data",
    "/opt/ml/checkpoints",
    "/opt/ml/config",
    "/opt/ml/processing",
    "/tmp",
)
# A path begins after one of these and ends before one: `--model=/opt/ml/model`, `cd /opt/ml/code; ls`.
_BEFORE = r"""(?<![^\s"'`=:,;(\[{|&<>])"""
_AFTER = r"""(?=[/\s"'`=:,;)\]}|&<>]|$)"""


@dataclass(frozen=True)
class Container:
    """`root` (absolute) stands for "/"; `mounts` are the folders outside /opt/ml that the request declares.

    `seen_at` is where the job finds `root`: at "/" itself, or where it lies (None). `of`: what a real container is
    made of, of which only what the request names lies at `root`; None: a folder is all there is.
    """

    root: Path
    mounts: tuple[str, ...] = ()
    seen_at: Path | None = None
    of: InImage | None = None

    @classmethod
    def create(
        cls,
        root: Path,
        mounts: tuple[str, ...] = (),
        seen_at: Path | None = None,
        of: InImage | None = None,
    ) -> Container:
        """Make the folders of a fresh container at `root`; what an earlier attempt left there goes.

        Raises:
            StepFailed: a mount is not an absolute path inside the container.
        """
        remove_tree(root)
        container = cls(root, mounts, seen_at, of)
        root.mkdir(parents=True, exist_ok=True)
        for folder in _FOLDERS:
            container.path(folder).mkdir()
        container.make_mounts()
        return container

    def make_mounts(self) -> None:
        """Make the folders of `mounts` where there are none.

        Raises:
            StepFailed: one is not an absolute path inside the container.
        """
        for folder in self.mounts:
            self.path(folder).mkdir(parents=True, exist_ok=True)

    def path(self, inside: str) -> Path:
        """Where `inside`, an absolute path in the container, lies: for the engine, which is outside.

        Raises:
            StepFailed: it is not absolute, is the container's root, or leads out of it.
        """
        return self.root.joinpath(*_names(inside))

    def seen(self, inside: str) -> str:
        """Where the job finds `inside`, an absolute path in the container; "/" is allowed here."""
        view = str(self.root if self.seen_at is None else self.seen_at)
        return view if inside == "/" else "/".join((view.rstrip("/"), *_names(inside)))

    def localize(self, value: Json) -> Json:
        """`value` with the container's paths replaced by where the job finds them, in every text of a JSON."""
        if isinstance(value, str):
            view = self.seen("/").rstrip("/")
            return self._pattern.sub(lambda match: view + match[0], value)
        if isinstance(value, list):
            return [self.localize(item) for item in value]
        if isinstance(value, dict):
            return {key: self.localize(item) for key, item in value.items()}
        return value

    @property
    def _pattern(self) -> re.Pattern[str]:
        mounts = {ML, *(mount.rstrip("/") for mount in self.mounts)}
        return re.compile(f"{_BEFORE}(?:{'|'.join(sorted(map(re.escape, mounts), reverse=True))}){_AFTER}")


@functools.lru_cache(maxsize=1000)
def _names(inside: str) -> tuple[str, ...]:
    """The names that lead from the container's root to `inside`; raises as Container.path."""
    parts = PurePosixPath(inside).parts
    if len(parts) < 2 or parts[0] != "/" or ".." in parts:
        raise StepFailed(
            "A path in the container must be absolute, below / and without “..”, such as "
            f"/opt/ml/processing/input, not {inside!r}. Correct LocalPath in the definition."
        )
    return parts[1:]
