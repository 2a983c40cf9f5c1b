"""`make bench-engine`: what a step costs that does nothing, here and elsewhere on the same graph, and how time and
memory grow with the number of steps.

    PYTHONPATH=. python tests/bench/bench_engine.py [--with-metaflow] [--json FILE]
    PYTHONPATH=. python tests/bench/bench_engine.py --launchers

Ends with status 1 when a step of the local engine costs more than TARGET_SECONDS; with --launchers when one in the
sandbox costs more than SANDBOX_SECONDS beyond one in a process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench_docker import time_docker
from bench_graph import Node, beside, chain, diamonds
from bench_local import measure_command, time_execution, time_steps
from bench_metaflow import MORE_STEPS, VERSION, time_metaflow
from measured_process import end_with
from pipeline.cli.output_file import check_writable
from pipeline.console import say
from pipeline.local.jobs.launchers.containers.engine import EngineError
from pipeline.local.state.isolation import isolate
from pipeline.targets.job_image import image_tag

TARGET_SECONDS = 0.15
SANDBOX_SECONDS = 0.015
LOCAL = "local engine"
COMMAND = "the same, whole command"
# How many steps the larger graphs have, and a quarter of that the smaller ones.
CHAIN, BESIDE = 2000, 500


@dataclass(frozen=True)
class Measured:
    """One row: `seconds` is the median of several runs of `steps` steps; None, with a reason, if not measured.

    `peak_memory`: in bytes, of the command's process.
    """

    what: str
    steps: int
    seconds: float | None
    reason: str = ""
    compared_with: str = ""
    peak_memory: int | None = None

    @property
    def seconds_a_step(self) -> float | None:
        """The cost of a step, that of starting included."""
        return None if self.seconds is None else self.seconds / self.steps


def parse_args(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench_engine", description="What a step costs that does nothing.")
    parser.add_argument(
        "--steps", type=int, nargs=2, default=(20, 200), metavar=("FEW", "MANY"), help="multiples of ten"
    )
    parser.add_argument(
        "--many", type=int, nargs=2, default=(CHAIN, BESIDE), metavar=("CHAIN", "BESIDE"),
        help="steps one after another and beside each other, and a quarter of both (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of which to take the median")
    parser.add_argument(
        "--image", default=None, help="the image for containers (default: that of make image)"
    )
    parser.add_argument("--without-docker", action="store_true", help="leave out the SDK's local mode")
    parser.add_argument(
        "--with-metaflow", action="store_true", help=f"install Metaflow {VERSION} from PyPI, and time it"
    )
    parser.add_argument(
        "--launchers", action="store_true", help="only compare a step in the sandbox with one in a process"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    return parser.parse_args(argv)


def main(args: argparse.Namespace) -> int:
    """Measure, print the table, write the JSON file; returns the exit status."""
    if args.json is not None:
        check_writable(args.json, own=frozenset({"machine"}))
    isolate(os.environ)
    if args.launchers:
        return compare_launchers()

    def median(time: Callable[[], float]) -> float:
        return statistics.median(time() for _ in range(args.repeat))

    few, many = args.steps
    say(f"{few} and {many} steps that run `python3 -c pass`, on {os.cpu_count()} cores …")
    rows = [
        Measured(LOCAL, few, median(lambda: time_execution(few, passing=False))),
        Measured(LOCAL, many, time_execution(many, passing=False)),
        Measured("the same, each passing a file on", few, median(lambda: time_execution(few, passing=True))),
        Measured("the same, each passing a file on", many, time_execution(many, passing=True)),
        Measured(COMMAND, few, median(lambda: measure_command(diamonds(few)).seconds)),
        measure_docker(args, few),
        measure_metaflow(args, few),
        *measure_growth("one after another", chain, args.many[0]),
        *measure_growth("beside each other", beside, args.many[1]),
    ]  # fmt: skip
    print(table(rows))
    cost = max(row.seconds_a_step or 0 for row in rows[:2])
    growth = (rows[1].seconds_a_step or 0) / (rows[0].seconds_a_step or 1)
    met = cost <= TARGET_SECONDS
    print(
        f"\nA step of the local engine costs at most {cost:.3f} s: {'within' if met else 'ABOVE'} the target of "
        f"{TARGET_SECONDS} s. Among {many} steps a step costs {growth:.2f} times as much as among {few}. "
        f"(Load of this machine during the last minute: {os.getloadavg()[0]:.1f}.)"
    )
    if args.json is not None:
        args.json.write_text(json.dumps(document(rows, growth), indent=2) + "\n", encoding="utf-8")
    return 0 if met else 1


def compare_launchers() -> int:
    """The median step of both launchers, which take turns; returns the exit status."""
    seconds = time_steps(("process", "sandbox"))
    process, sandbox = (statistics.median(each) for each in seconds.values())
    met = sandbox - process <= SANDBOX_SECONDS
    print(
        f"Median of {len(seconds['sandbox'])} steps: {process * 1000:.1f} ms in a process, {sandbox * 1000:.1f} ms "
        f"in the sandbox, {(sandbox - process) * 1000:+.1f} ms: {'within' if met else 'ABOVE'} the target of "
        f"{SANDBOX_SECONDS * 1000:.0f} ms. (Load of this machine during the last minute: {os.getloadavg()[0]:.1f}.)"
    )
    return 0 if met else 1


def measure_growth(what: str, graph: Callable[[int], list[Node]], steps: int) -> list[Measured]:
    """The whole command over a quarter of the steps and over all of them, each once."""
    say(f"{steps} steps {what} …")
    ended = {count: measure_command(graph(count)) for count in (steps // 4, steps)}
    return [
        Measured(what, count, each.seconds, peak_memory=each.peak_memory) for count, each in ended.items()
    ]


def measure_docker(args: argparse.Namespace, steps: int) -> Measured:
    """The SDK's local mode, once: it takes a minute."""
    what = "SageMaker SDK's local mode (Docker)"
    if args.without_docker:
        return Measured(what, steps, None, "not asked for")
    say("The SDK's local mode in Docker …")
    try:
        return Measured(what, steps, time_docker(steps, args.image or image_tag()), compared_with=LOCAL)
    except EngineError as error:
        return Measured(what, steps, None, str(error))


def measure_metaflow(args: argparse.Namespace, steps: int) -> Measured:
    """Metaflow, once."""
    what, all_steps = f"Metaflow {VERSION}, whole command", steps + MORE_STEPS
    if not args.with_metaflow:
        return Measured(what, all_steps, None, "--with-metaflow installs it from PyPI")
    say("Metaflow …")
    try:
        return Measured(what, all_steps, time_metaflow(steps), compared_with=COMMAND)
    except subprocess.CalledProcessError as error:
        return Measured(what, all_steps, None, f"{error}: {error.output.decode(errors='replace')[-300:]}")


def ratio(row: Measured, rows: Sequence[Measured]) -> float | None:
    """How many times as much a step costs in `row` as in the row that it is compared with."""
    for other in rows:
        if other.what == row.compared_with and other.seconds_a_step and row.seconds_a_step:
            return row.seconds_a_step / other.seconds_a_step
    return None


def table(rows: Sequence[Measured]) -> str:
    """The rows as text."""
    lines = [f"{'':36} {'steps':>5} {'seconds':>8} {'s a step':>8}  ratio"]
    for row in rows:
        if row.seconds is None:
            lines.append(f"{row.what:36} {row.steps:5} not measured: {row.reason}")
            continue
        times = ratio(row, rows)
        against = "" if times is None else f"  {times:.0f} × {row.compared_with.removeprefix('the same, ')}"
        against += "" if row.peak_memory is None else f"  {row.peak_memory / 1e6:.0f} MB"
        lines.append(f"{row.what:36} {row.steps:5} {row.seconds:8.2f} {row.seconds_a_step:8.3f}{against}")
    return "\n".join(lines)


def document(rows: Sequence[Measured], growth: float) -> dict[str, object]:
    """What --json writes."""
    return {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "target_seconds_a_step": TARGET_SECONDS,
        "growth": growth,
        "rows": [
            asdict(row) | {"seconds_a_step": row.seconds_a_step, "ratio": ratio(row, rows)} for row in rows
        ],
    }


if __name__ == "__main__":
    end_with(lambda: main(parse_args(sys.argv[1:])))
