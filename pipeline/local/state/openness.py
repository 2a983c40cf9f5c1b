"""Says when others can write to the state folder: what runs execute lies there."""

from __future__ import annotations

import stat
from pathlib import Path


def openness(root: Path) -> str | None:
    """What to tell the user of a state folder that everybody can write to; None when that is not so.

    It is not closed for him: he may have opened it on purpose, and it may not be his.
    """
    mode = stat.S_IMODE(root.stat().st_mode)
    if not mode & stat.S_IWOTH:
        return None
    return (
        f"Everybody on this machine can write to the state folder {root} (mode {mode:o}), and so change what your "
        f"runs execute. Close it with: chmod o-w {root}"
    )
