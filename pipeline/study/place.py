"""Looks at the folder for a study's tables before the study: nothing of anybody else's is overwritten."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.local.state.write_access import refusal_to_write
from pipeline.printable import printable
from pipeline.study.tables import DOCUMENT

_LISTED = 5
_UNFINISHED = re.compile(r"\..+\.unfinished")  # of a study that was killed while it wrote


def prepare_folder(folder: Path, *, force: bool = False) -> None:
    """Creates the folder if need be.

    Raises:
        UsageError: it cannot be created or written; or it holds something else than the tables of an earlier study
            as they were written, and `force` is not set.
    """
    doing = f"Could not take {folder} for the study's tables"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missed = [] if force else _would_be_missed(folder)
    except OSError as error:
        raise UsageError(f"{doing}: {error.strerror or error}. Name another folder with --out.") from None
    except ValueError:  # NUL, or half a character that no byte stands for.
        raise UsageError(f"{doing}: no folder can be called that. Name another with --out.") from None
    if refusal := refusal_to_write(folder):
        raise UsageError(f"{doing}: {refusal}. Name another folder with --out.")
    if missed:
        more = f" and {len(missed) - _LISTED} more" if len(missed) > _LISTED else ""
        listed = printable(", ".join(missed[:_LISTED])) + more
        raise UsageError(
            f"{doing}: it holds what no study wrote there ({listed}). Name a new or an empty folder with --out, or "
            "add --force: files named like the tables (README.md, results.csv, …) are overwritten then."
        )


def _would_be_missed(folder: Path) -> list[str]:
    """What is in the folder and not an earlier study's, by name; in a study's own, the files that were changed."""
    names = sorted(path.name for path in folder.iterdir() if not _UNFINISHED.fullmatch(path.name))
    document = _earlier(folder / DOCUMENT)
    if document is None:
        return names
    files = document.get("files", {})  # Earlier versions did not say.
    return [
        name
        for name in names
        if name in files and hashlib.sha256((folder / name).read_bytes()).hexdigest() != files[name]
    ]


def _earlier(file: Path) -> dict[str, Any] | None:
    """The study.json of an earlier study; None when it is not one."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not {"schema_version", "execution_id", "summary"} <= document.keys():
        return None
    return document if isinstance(document.get("files", {}), dict) else None
