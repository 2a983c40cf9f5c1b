"""What the first cell of pipeline/studio.ipynb calls. Runs in the notebook's kernel, which need not be .venv.

Only the standard library and IPython are imported here: the pipeline itself runs in .venv, as commands.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cli.notebook.project import Project

OLDEST = (3, 11)


def open_project(root: Path, version: tuple[int, ...] = tuple(sys.version_info[:2])) -> Project:
    """The project in the folder `root`; `version` is the kernel's Python.

    Raises:
        RuntimeError: the kernel's Python is too old to read the project's code.
    """
    if version < OLDEST:
        raise RuntimeError(
            f"The kernel must have Python {'.'.join(map(str, OLDEST))} or later, not "
            f"{'.'.join(map(str, version))}. Choose another kernel (in Studio: a newer image of the space), "
            "then run all cells again."
        )
    from pipeline.cli.notebook.project import Project

    return Project(root)
