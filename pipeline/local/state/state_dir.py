"""The state folder of the local target: `FASHION_HOME`, or `.local` under the working directory."""

from __future__ import annotations

import errno
import os
import re
import urllib.parse
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StateError
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.ownership import claim
from pipeline.local.state.removing import remove_tree
from pipeline.local.state.write_access import READ_ONLY, refusal_to_write
from pipeline.shown import LONGEST_TEXT, listed

_SCRATCH = "fashion"
_SCRATCH_FORM = re.compile(rf"{_SCRATCH}-(?P<owner>[0-9a-f.]+)-.+")
# What versions before process identities left there: a number says too little.
_OLD_SCRATCH_FORM = re.compile(r"[0-9]+-(?:moto-|object-|model-|calibration|docker).*")
_LISTED = 3


@dataclass(frozen=True)
class Home:
    """The state folder. `root` is absolute; every other path is inside it."""

    root: Path

    @classmethod
    def open(cls, root: Path, setting: str = "FASHION_HOME") -> Home:
        """Create what is missing of the state folder at `root`, and check that it can be written.

        `setting` is what named it, for errors.

        Raises:
            StateError: it is a file, holds what is not this project's, cannot be created, or cannot be written.
                (Whether its contents are of a newer version is seen where the database is opened.)
        """
        try:
            home = cls(root.expanduser().absolute())
        except RuntimeError as error:  # ~somebody who is not there
            raise StateError(f"Could not find the state folder {root}: {error}. Set {setting}.") from None
        if root.parts[:1] and root.parts[0].endswith(":"):
            raise StateError(
                f"The state folder cannot be {root}: that is an address. Set {setting} to a folder."
            )
        doing = f"Opening the state folder {home.root}"
        advice = f"Set {setting} to a folder that you can write, or correct this one."
        try:
            # For its user alone. A folder that is there already stays as open as somebody made it.
            home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            claim(home.root, setting)
            for folder in (home.objects, home.temporary):
                folder.mkdir(mode=0o700, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            link = Path(error.filename).is_symlink()
            what = "is a link that leads nowhere or in a circle" if link else "is or lies under a file"
            raise StateError(f"{doing}: {error.filename} {what}. {advice}") from error
        except OSError as error:
            if error.errno == errno.EROFS:
                raise StateError(_read_only(doing, setting, home.root)) from error
            raise StateError(
                f"{doing}: could not create or read {error.filename}: {error.strerror}. {advice}"
            ) from error
        for folder in (home.root, home.objects, home.temporary, home.executions):
            if folder == home.executions and not folder.exists():
                continue
            refusal = refusal_to_write(folder, os.R_OK | os.W_OK | os.X_OK)
            if refusal == READ_ONLY:
                raise StateError(_read_only(doing, setting, home.root))
            if refusal is not None:
                raise StateError(f"{doing}: {refusal}. {advice}")
        return home

    @property
    def database(self) -> Path:
        """The SQLite file of executions, stored objects and model packages."""
        return self.root / "state.sqlite3"

    @property
    def objects(self) -> Path:
        """The folder of the stored objects' contents, named by their SHA-256."""
        return self.root / "objects"

    @property
    def set_aside(self) -> Path:
        """The folder of what was found damaged, and is kept for whoever wants to look at it."""
        return self.root / "set-aside"

    @property
    def temporary(self) -> Path:
        """The folder of files that need not outlive a command; each is named for the process that made it."""
        return self.root / "tmp"

    @property
    def downloads(self) -> Path:
        """The folder of what pip has downloaded for jobs: the one place here that they may write to."""
        return self.root / "pip"

    @property
    def lock(self) -> Path:
        """The file that a running command holds locked."""
        return self.root / "lock"

    @property
    def executions(self) -> Path:
        """The folder of the executions' folders."""
        return self.root / "executions"

    def execution(self, execution_id: str) -> Path:
        """The folder of an execution: its record, its jobs' folders, logs, report. Whoever writes there creates it.

        Raises:
            StateError: no folder can have that name, which a damaged database may say.
        """
        if not execution_id or execution_id in (".", "..") or "/" in execution_id or "\0" in execution_id:
            raise StateError(
                f"Could not look for execution {execution_id!r} in {self.root}: that is no execution's id. "
                "Executions are listed by: python -m pipeline executions"
            )
        return self.executions / execution_id

    def holds(self) -> str | None:
        """What lies here that the database has to know of, in words; None when there is nothing."""
        executions = sum(1 for _ in self.executions.iterdir()) if self.executions.is_dir() else 0
        found = [f"{executions} execution{'s' * (executions > 1)}"] if executions else []
        if any(self.objects.iterdir()):
            found.append("stored objects")
        return " and ".join(found) or None

    def step_log(self, execution_id: str, step: str) -> Path:
        """The log of a step's jobs; its folder is created by whoever writes there."""
        # Our own definitions have names without special characters; any other must stay inside the folder too.
        return self.execution(execution_id) / "logs" / f"{urllib.parse.quote(step, safe='')}.log"

    def endpoint_log(self, name: str) -> Path:
        """What the processes of an endpoint write; its folder is created by whoever writes there."""
        return self.root / "endpoints" / f"{name}.log"

    def scratch(self, name: str) -> Path:
        """A path for a temporary file or folder of this process."""
        return self.temporary / scratch_name(name)

    def sweep(self) -> str | None:
        """Remove the temporary files of processes that are no more (they were killed), and nothing else.

        Returns sentences about what is left, because it cannot be removed, or because it cannot be told whether it
        is such a file; else None.
        """
        unknown, fast = [], []
        for path in self._temporary_files():
            owner = scratch_owner(path.name)
            if owner is None:
                if _OLD_SCRATCH_FORM.fullmatch(path.name):
                    unknown.append(path)
            elif (life := owner.life()) == "gone":
                if not _removed(path):
                    fast.append(path)
            elif life == "unknown":
                unknown.append(path)
        said = []
        if fast:
            said.append(
                f"Could not remove {_paths(fast)}, which ended commands have left. Files there may be another "
                "user's, or immutable (lsattr says)."
            )
        if unknown:
            said.append(
                f"Left {_paths(unknown)}, of commands that ran in another container, on another machine or with an "
                "older version. If none of them runs any more, remove these yourself."
            )
        return " ".join(said) or None

    def _temporary_files(self) -> list[Path]:
        """What lies where temporary files do; `prune` has them beside the executions."""
        found = [] if self.temporary.is_symlink() else sorted(self.temporary.iterdir())
        with suppress(OSError):
            found += sorted(path for path in self.executions.iterdir() if scratch_owner(path.name))
        return found


def _read_only(doing: str, setting: str, root: Path) -> str:
    """What to say where nothing can be written: commands that only show something write there, too."""
    copy = (
        f"copy the folder and set {setting} to the copy"
        if root.exists()
        else f"set {setting} to another folder"
    )
    return (
        f"{doing}: {READ_ONLY}, and every command writes there, even one that only shows something. Mount it "
        f"writable, or {copy}."
    )


def _removed(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
        return not path.exists()
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _paths(paths: list[Path]) -> str:
    return listed(paths, _LISTED, LONGEST_TEXT)


def scratch_name(name: str) -> str:
    """The name of a temporary file or folder of this process, wherever it lies."""
    return f"{_SCRATCH}-{ProcessIdentity.mine()}-{name}"


def scratch_owner(file_name: str) -> ProcessIdentity | None:
    """The process that made the temporary file of that name; None when the name is not of this project's form."""
    found = _SCRATCH_FORM.fullmatch(file_name)
    return None if found is None else ProcessIdentity.parse(found["owner"])


def home_from(environ: Mapping[str, str]) -> Home:
    """Open the state folder that `FASHION_HOME` names, or `.local` under the working directory.

    Raises:
        StateError: as Home.open.
    """
    return Home.open(Path(environ.get("FASHION_HOME") or ".local"))
