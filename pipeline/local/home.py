"""The state folder of the local target: `FASHION_HOME`, or `.local` under the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The state folder. `root` is absolute; every other path is inside it."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> Home:
        """Create what is missing of the state folder at `root`, and check that this version can use it.

        Raises StateError when it is a file, cannot be written, or belongs to a newer version.
        """
        raise NotImplementedError

    @property
    def database(self) -> Path:
        """The SQLite file of executions, stored objects and model packages."""
        return self.root / "state.sqlite3"

    @property
    def objects(self) -> Path:
        """The folder of the stored objects' contents, named by their SHA-256."""
        return self.root / "objects"

    @property
    def temporary(self) -> Path:
        """The folder of files that need not outlive a command."""
        return self.root / "tmp"

    @property
    def lock(self) -> Path:
        """The file that a running execution holds locked."""
        return self.root / "lock"

    def execution(self, execution_id: str) -> Path:
        """The folder of an execution (its jobs' folders, logs, report); created by whoever writes there."""
        return self.root / "executions" / execution_id


def home_from(environ: Mapping[str, str]) -> Home:
    """Open the state folder that `FASHION_HOME` names, or `.local` under the working directory."""
    return Home.open(Path(environ.get("FASHION_HOME") or ".local"))
