"""The address of code in S3: it ends in the beginning of the code's SHA-256, so that whoever fetches it checks it.

Equal code has an equal address, which the step cache compares; and code that somebody changed in the bucket after
it was uploaded is not what its address says, and is not run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import StepFailed

_MARK = "sha256-"
_LENGTH = 32  # hex digits: nobody finds other code with the same 128 bits
_INSIDE = re.compile(rf".*?/{_MARK}[0-9a-f]{{{_LENGTH}}}/")
_ADDRESS = re.compile(rf"(?:.*/)?{_MARK}([0-9a-f]{{{_LENGTH}}})/?")


def digest_of_files(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 (hex) over files, given in order as relative POSIX paths and contents."""
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def folder_name(digest: str) -> str:
    """What the folder of code with that digest is called."""
    return f"{_MARK}{digest[:_LENGTH]}"


def digest_in(uri: str) -> str | None:
    """The beginning of the digest that the address of a folder says; None when it says none."""
    found = _ADDRESS.fullmatch(uri)
    return None if found is None else found[1]


def code_folder(uri: str) -> str | None:
    """The address, by digest, of the folder of code in which the object `uri` lies; None when it lies in none."""
    found = _INSIDE.match(uri)
    return None if found is None else found[0]


def is_code(uri: str, files: Iterable[tuple[str, bytes]]) -> bool:
    """Whether `files` are those that the address `uri` says, if it says any; their order does not matter."""
    said = digest_in(uri)
    return said is None or _digest(files).startswith(said)


def check_code(uri: str, files: Iterable[tuple[str, bytes]]) -> None:
    """Check files that were fetched from `uri`; see is_code.

    Raises:
        StepFailed: they are something else.
    """
    fetched = tuple(files)
    if not is_code(uri, fetched):
        raise StepFailed(
            f"The code at {uri} is not what was uploaded there: its SHA-256 begins {_digest(fetched)[:_LENGTH]}. "
            "Somebody, or a job, wrote to that folder since. Nothing of it was run; python -m pipeline run uploads "
            "it anew."
        )


def check_folder(uri: str, folder: Path) -> None:
    """As check_code, for what lies in `folder` by now, caches and hidden files included."""
    if digest_in(uri) is not None:
        paths = (path for path in folder.rglob("*") if path.is_file())
        check_code(uri, ((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths))


def _digest(files: Iterable[tuple[str, bytes]]) -> str:
    return digest_of_files(sorted(files, key=lambda file: Path(file[0])))
