"""Part `pipeline` of `make bench`: seconds of `python -m pipeline run`, cold, and again with everything cached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.console import say

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PipelineRun:
    """One command: `seconds` of the whole of it, and of each step; `reused` are the steps that were cached."""

    what: str
    seconds: float
    steps: dict[str, float]
    reused: tuple[str, ...]
    accuracies: dict[str, float]


def measure_pipeline(
    data: Path, any_data: bool, candidates: str, parameters: Sequence[str]
) -> list[PipelineRun]:
    """Run the pipeline in a fresh state folder, then the same command again.

    Raises:
        RuntimeError: a run ended without a result.
    """
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for what in ("cold", "all cached"):
            say(f"pipeline: {what} …")
            runs.append(_run(what, Path(folder), data, any_data, candidates, parameters))
    return runs


def _run(
    what: str, folder: Path, data: Path, any_data: bool, candidates: str, parameters: Sequence[str]
) -> PipelineRun:
    file = folder / f"{what.replace(' ', '-')}.json"
    command = [sys.executable, "-m", "pipeline", "run", "--plain", "--data", str(data), "--result", str(file)]
    command += ["--candidates", candidates, *["--any-data"] * any_data]
    for parameter in parameters:
        command += ["--param", parameter]
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "FASHION_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if not file.is_file():
        raise RuntimeError(f"the run ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(file.read_text())
    return PipelineRun(
        what=what,
        seconds=seconds,
        steps={step["name"]: step["seconds"] for step in result["steps"] if step["seconds"] is not None},
        reused=tuple(step["name"] for step in result["steps"] if step["cached"]),
        accuracies={f"{one['name']}-{one['seed']}": one["test_accuracy"] for one in result["candidates"]},
    )


def pipeline_table(runs: Sequence[PipelineRun]) -> str:
    """The runs as text."""
    names = dict.fromkeys(name for run in runs for name in run.steps)
    lines = [f"{'seconds':24}" + "".join(f"{run.what:>14}" for run in runs)]
    for name in names:
        cells = (f"{run.steps.get(name, 0):.2f}" + "*" * (name in run.reused) for run in runs)
        lines.append(f"{name:24}" + "".join(f"{cell:>14}" for cell in cells))
    lines.append(f"{'the whole command':24}" + "".join(f"{run.seconds:>14.2f}" for run in runs))
    told = ", ".join(f"{name} {accuracy:.2%}" for name, accuracy in runs[0].accuracies.items())
    lines.append(f"* reused. Test accuracies: {told}.")
    return "\n".join(lines)


def pipeline_json(runs: Sequence[PipelineRun]) -> list[dict[str, object]]:
    """The runs as JSON values."""
    return [asdict(run) for run in runs]
