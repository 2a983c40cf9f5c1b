"""The benchmark runs, on few steps. Its figures are not judged here: the machine may be busy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_benchmark_prints_a_table_and_writes_its_figures(tmp_path: Path) -> None:
    command = ["tests/bench/bench_engine.py", "--steps", "10", "20", "--many", "8", "4"]
    command += ["--repeat", "1", "--without-docker"]
    done = subprocess.run(
        [sys.executable, *command, "--json", str(tmp_path / "figures.json")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert ("ABOVE the target" in done.stdout) == (done.returncode == 1)
    rows = json.loads((tmp_path / "figures.json").read_text())["rows"]
    measured = [(row["what"], row["steps"]) for row in rows if row["seconds"] is not None]
    assert measured == [
        ("local engine", 10),
        ("local engine", 20),
        ("the same, each passing a file on", 10),
        ("the same, each passing a file on", 20),
        ("the same, whole command", 10),
        ("one after another", 2),
        ("one after another", 8),
        ("beside each other", 1),
        ("beside each other", 4),
    ]
    for row in rows:
        assert row["what"] in done.stdout
        assert row["peak_memory"] is None or 10e6 < row["peak_memory"] < 1e9
        assert row["seconds"] is None or abs(row["seconds_a_step"] - row["seconds"] / row["steps"]) < 1e-9
        assert row["seconds"] is not None or f"not measured: {row['reason']}" in done.stdout
