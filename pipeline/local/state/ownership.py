"""Whose a state folder is: it carries this project's mark, made only where nothing of anybody else's can be.

Whatever is deleted or replaced in a state folder relies on that mark: `FASHION_HOME=~` must not cost a file.
"""

from __future__ import annotations

import re
import sqlite3
import urllib.parse
from contextlib import closing
from pathlib import Path

from pipeline.errors import StateError
from pipeline.local.state.identity import ProcessIdentity
from pipeline.printable import printable

MARK = ".fashion-home"
_FIRST_WORDS = "The state folder of a pipeline"
_TEXT = f"{_FIRST_WORDS}: its executions, stored objects and models. What lies beside this file is its own.\n"
# Of a file system or a file manager, and nobody's.
_NOBODYS = frozenset({"lost+found", ".DS_Store"})
# What versions without the mark put into a state folder.
_NAMES = re.compile(
    r"state\.sqlite3(?:-wal|-shm|-journal)?|lock|objects|tmp|executions|data(?:\.lock|\.unfinished)?|study|sagemaker"
    r"|damaged"
)
# What lies at the top of a state folder and is also a user's to write to: where a study's tables go by default.
_USERS = frozenset({"study"})
_TABLES = frozenset({"executions", "steps", "objects", "packages"})
_HEX = re.compile(r"[0-9a-f]{2}")
_DATA_FILE = re.compile(r"(?:train|t10k)-(?:images-idx3|labels-idx1)-ubyte(?:\.gz)?")
_LISTED = 5


def claim(root: Path, setting: str = "FASHION_HOME") -> None:
    """Mark the folder `root`, which `setting` named, as this project's, unless it is already.

    Raises:
        StateError: it holds what is not this project's; nothing in it was touched.
        OSError: it cannot be read or written.
    """
    mark = root / MARK
    if _is_mark(mark):
        return
    names = {path.name for path in root.iterdir()} - _NOBODYS
    foreign = sorted(name for name in names if not _is_unfinished_mark(name))
    if foreign and not _is_of_an_older_version(root, names):
        raise StateError(
            f"Could not use {root} as the state folder: it holds other things ({_listing(foreign)}). Nothing in it "
            f"was touched. Set {setting} to a new or an empty folder."
        )
    # Under its name it is whole from the start: another command may look at the same time.
    partial = root / f"{MARK}-{ProcessIdentity.mine()}"
    try:
        partial.write_text(_TEXT, encoding="utf-8")
        partial.replace(mark)
    finally:
        partial.unlink(missing_ok=True)


def owner_of(path: Path) -> Path | None:
    """The state folder that `path` lies in or is, but for what is a user's there; None: a user may write there.

    Raises:
        OSError, RuntimeError: its links lead in a circle, as pathlib says it.
    """
    resolved = path.resolve()
    for root in (resolved, *resolved.parents):
        if not _USERS.intersection(resolved.relative_to(root).parts[:1]) and _is_mark(root / MARK):
            return root
    return None


def _is_mark(path: Path) -> bool:
    try:
        return not path.is_symlink() and path.read_text(encoding="utf-8").startswith(_FIRST_WORDS)
    except (OSError, ValueError):
        return False


def _is_unfinished_mark(name: str) -> bool:
    return name.startswith(f"{MARK}-") and ProcessIdentity.parse(name.removeprefix(f"{MARK}-")) is not None


def _is_of_an_older_version(root: Path, names: set[str]) -> bool:
    """Whether the folder was made by a version of this project that had no mark."""
    if "state.sqlite3" in names and _has_our_tables(root / "state.sqlite3"):
        return True
    if not all(_NAMES.fullmatch(name) or _is_unfinished_mark(name) for name in names):
        return False
    if {"objects", "tmp"} <= names:  # `data` made them, too; a database may be damaged.
        return all(_HEX.fullmatch(name) for name in _names_in(root / "objects"))
    # The data set may have been put there before.
    data = names & {"data", "data.lock", "data.unfinished"}
    return names == data and is_data_folder(root / "data")


def is_data_folder(folder: Path) -> bool:
    """Whether `folder` holds files of the data set by name and nothing else, so that it may be replaced."""
    try:
        return not folder.is_symlink() and all(
            _DATA_FILE.fullmatch(path.name) and path.is_file() for path in folder.iterdir()
        )
    except OSError:
        return False


def _has_our_tables(database: Path) -> bool:
    if database.is_symlink() or not database.is_file():
        return False
    address = f"file:{urllib.parse.quote(str(database))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False
    return {name for (name,) in rows} >= _TABLES


def _names_in(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return ["?"]


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return printable(", ".join(names[:_LISTED])) + more
