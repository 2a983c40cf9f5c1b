"""Times the graph in this project's local engine, within this process and as the command that a user types."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from bench_graph import Node, compiled, diamonds
from measured_process import Ended, run_measured
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import start_execution
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

ROOT = Path(__file__).resolve().parents[2]


class Silent:
    """An observer that shows nothing."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """See Observer."""

    def log_line(self, step: str, line: str) -> None:
        """See Observer."""


def time_execution(steps: int, *, passing: bool) -> float:
    """Seconds from the start of an execution to its end, in a fresh state folder with the server running."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(folder))
        with Store(home) as store, LocalAws(home, store) as aws:
            aws.client("s3")
            text = compiled(diamonds(steps), bucket=aws.BUCKET, passing=passing)
            began = time.perf_counter()
            record = start_execution(
                text,
                {},
                home=home,
                aws=aws,
                store=store,
                observer=Silent(),
                stop=threading.Event(),
                pipeline_name="bench",
            )
            seconds = time.perf_counter() - began
    if record.status != "Succeeded":
        raise RuntimeError(f"the execution ended as {record.status}: {record.failure_reason}")
    return seconds


def measure_command(nodes: list[Node]) -> Ended:
    """`python -m pipeline run --definition` for the graph, its start and end included."""
    with tempfile.TemporaryDirectory() as folder:
        definition = Path(folder, "definition.json")
        definition.write_text(compiled(nodes, bucket=LocalAws.BUCKET, passing=False))
        return run_measured(
            [sys.executable, "-m", "pipeline", "run", "--plain", "--definition", str(definition)],
            FASHION_HOME=str(Path(folder, "home")),
            PYTHONPATH=str(ROOT),
        )
