"""A name without spaces and odd characters for a folder: jobs' command lines name their folders without quotes.

In a container a job's folders are below /opt/ml, and `cd /opt/ml/code` needs no quotes; nor may it here.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import StateError
from pipeline.local.state.state_dir import scratch_name, scratch_owner

_SUFFIX = "link"
# What no shell treats specially.
_PLAIN = re.compile(r"[A-Za-z0-9_./+@%-]+")


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """`folder`, if its path is plain; else a link to it, in a temporary folder of this user's alone.

    The link goes with the block.

    Raises:
        StateError: no link can be made.
    """
    if _PLAIN.fullmatch(str(folder)):
        yield folder
        return
    usual = Path(tempfile.gettempdir())
    place = usual if _PLAIN.fullmatch(str(usual)) else Path("/tmp")
    try:
        _sweep(place)
        made = tempfile.mkdtemp(prefix=f"{scratch_name(_SUFFIX)}-", dir=place)
        link = Path(made) / "state"
        link.symlink_to(folder, target_is_directory=True)
    except OSError as error:
        raise StateError(
            f"Could not give {folder} a name without odd characters, for jobs: {error.strerror}. Set FASHION_HOME "
            "to a folder whose path has letters, digits and -_./ only."
        ) from error
    try:
        yield link
    finally:
        shutil.rmtree(made, ignore_errors=True)  # The link, not where it leads.


def _sweep(place: Path) -> None:
    """Remove the links of commands that were killed."""
    for path in place.glob(f"fashion-*-{_SUFFIX}-*"):
        owner = scratch_owner(path.name)
        mine = path.lstat().st_uid == os.geteuid() and not path.is_symlink()
        if owner is not None and owner.life() == "gone" and mine:
            shutil.rmtree(path, ignore_errors=True)
