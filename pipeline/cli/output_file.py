"""A file that a command is told to write, as by `run --result FILE`: looked at before the work is done."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.state.ownership import owner_of


def check_writable(file: Path, own: frozenset[str] = frozenset({"execution_id", "steps"})) -> None:
    """Raises UsageError unless `file` can be written, and what it holds is nothing that would be missed.

    That is nothing at all, or an earlier result: a JSON object that has the keys `own`.
    """
    doing = f"Could not take {file} for --result"
    try:
        if owner := owner_of(file):
            raise UsageError(f"{doing}: it is the state folder's own ({owner}). Name another file.")
        if file.is_dir():
            raise UsageError(f"{doing}: it is a folder. Name a file.")
        if not file.exists():
            _try_to_create(file.resolve())
            return
        if not file.is_file():
            return  # A pipe or a device: whoever named it knows.
        with file.open("r+b") as stream:
            content = stream.read()
    except OSError as error:
        raise UsageError(f"{doing}: {error.strerror}. Create the folder, or name another file.") from None
    except RuntimeError:  # What pathlib says of links that lead in a circle.
        raise UsageError(f"{doing}: its links lead in a circle. Name another file.") from None
    except ValueError:  # NUL, or half a character that no byte stands for.
        raise UsageError(f"{doing}: no file can be called that. Name another file.") from None
    if content.strip() and not _is_own(content, own):
        raise UsageError(
            f"{doing}: it holds something other than an earlier result, which would be overwritten. Name another "
            "file, or remove this one."
        )


def _try_to_create(file: Path) -> None:
    """Make the file and remove it again. Raises OSError when that cannot be."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    file.unlink()


def _is_own(content: bytes, own: frozenset[str]) -> bool:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and own <= value.keys()
