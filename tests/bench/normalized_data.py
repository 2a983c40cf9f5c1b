"""The processed data that a benchmark's trainings read, made by the pipeline's own script."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.dataset.choice import find_dataset
from pipeline.local.state.state_dir import home_from

ROOT = Path(__file__).resolve().parents[2]


def idx_folder(named: Path | None) -> Path:
    """The folder of the four IDX files: `named`, whatever is in it, else Fashion-MNIST, found or fetched.

    Raises:
        FashionError: there is none.
    """
    return find_dataset(named, home_from(os.environ).root / "data", any_data=named is not None)


@contextmanager
def normalized(data: Path) -> Iterator[Path]:
    """A folder with train/, validation/, test/ and manifest.json, while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        script = [sys.executable, str(ROOT / "processing" / "normalize.py")]
        done = subprocess.run(
            [*script, "--input", str(data), "--output", folder], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"normalize.py ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        yield Path(folder)
