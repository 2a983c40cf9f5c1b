"""Times the graph in this project's local engine, within this process and as the command that a user types."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench_graph import Node, chain, compiled, diamonds
from measured_process import Ended, run_measured
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.start import start_execution
from pipeline.local.jobs.launchers.choice import Wanted
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

# So many executions of so many steps each, for a median.
TURNS, STEPS_A_TURN = 10, 5
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
            _run(text, home, store, aws)
            return time.perf_counter() - began


def time_steps(launchers: Sequence[Wanted]) -> dict[Wanted, list[float]]:
    """Seconds of each step of short chains, which the launchers run in turn."""
    seconds: dict[Wanted, list[float]] = {launcher: [] for launcher in launchers}
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(folder))
        with Store(home) as store, LocalAws(home, store) as aws:
            text = compiled(chain(STEPS_A_TURN), bucket=aws.BUCKET, passing=False)
            for _ in range(TURNS):
                for launcher in launchers:
                    record = _run(text, home, store, aws, launcher)
                    seconds[launcher] += [step.seconds or 0.0 for step in record.steps]
    return seconds


def _run(text: str, home: Home, store: Store, aws: LocalAws, launcher: Wanted = "auto") -> ExecutionRecord:
    record = start_execution(
        text,
        {},
        home=home,
        aws=aws,
        store=store,
        observer=Silent(),
        stop=threading.Event(),
        pipeline_name="bench",
        launcher=launcher,
    )
    if record.status != "Succeeded":
        raise RuntimeError(f"the execution ended as {record.status}: {record.failure_reason}")
    return record


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
