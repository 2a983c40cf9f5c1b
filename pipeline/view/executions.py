"""Prints past executions: the list of all, and one in full."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pipeline.analysis.evaluation import NOT_RECORDED, Evaluation, Registration
from pipeline.execution import ExecutionRecord
from pipeline.formatting import duration, moment
from pipeline.printable import printable
from pipeline.view.failure import print_lines, says
from pipeline.view.leaderboard import duration_of, print_results
from pipeline.view.states import has_ended, state_of, step_state
from pipeline.view.terminal import NARROW, make_table, open_console, print_fact, state_text
from pipeline.view.trials import print_trials


def print_executions(records: Sequence[ExecutionRecord], stream: TextIO) -> None:
    """One row an execution, in the order given; times are the machine's own."""
    console = open_console(stream)
    if not records:
        console.print("No executions yet. Start one with: python -m pipeline run")
        return
    wide = console.width >= NARROW
    table = make_table()
    table.add_column("execution", overflow="fold")
    table.add_column("state", no_wrap=True)
    if wide:
        table.add_column("started", no_wrap=True)
        table.add_column("time", no_wrap=True, justify="right")
        table.add_column("steps", no_wrap=True, justify="right")
        table.add_column("target", no_wrap=True)
    for record in records:
        spent = record.seconds
        row = [Text(printable(record.execution_id)), state_text(state_of(record.status))]
        if wide:
            done = sum(has_ended(step) for step in record.steps)
            row += [
                Text(moment(record.started_at, None)),
                Text(duration(spent)),
                Text(f"{done} of {len(record.steps)}"),
                Text(printable(record.target)),
            ]
        table.add_row(*row)
    console.print(table)


def print_execution(
    record: ExecutionRecord,
    evaluation: Evaluation | None,
    registration: Registration | None,
    report: Path | None,
    stream: TextIO,
) -> None:
    """Everything about one execution: parameters, steps, failure reasons, and how the candidates compare."""
    console = open_console(stream)
    state = state_of(record.status)
    print_fact(
        console, "Execution", f"{state.symbol} {record.execution_id} {duration_of(record)}", state.style
    )
    print_fact(console, "Pipeline", f"{record.pipeline_name}, target {record.target}")
    print_fact(console, "Started", moment(record.started_at, None))
    if record.ended_at is not None:
        print_fact(console, "Ended", moment(record.ended_at, None))
    for index, (name, value) in enumerate(sorted(record.parameters.items())):
        print_fact(console, "" if index else "Parameters", f"{name} = {value}")
    console.print()
    print_steps(console, record)
    print_trials(console, record)
    for step in record.steps:
        if step.status == "Failed" and step.failure_reason:
            console.print()
            print_fact(console, "Failed", step.name, state_of("Failed").style)
            print_lines(console, step.failure_reason.strip().splitlines())
    if record.failure_reason and not any(
        says(step.failure_reason, record.failure_reason) for step in record.steps
    ):
        console.print()
        print_lines(console, record.failure_reason.strip().splitlines())
    if evaluation is not None:
        print_results(console, evaluation, registration or NOT_RECORDED, record, report)


def print_steps(console: Console, record: ExecutionRecord) -> None:
    """One row a step."""
    wide = console.width >= NARROW
    table = make_table()
    table.add_column("step", overflow="fold")
    if wide:
        table.add_column("type", overflow="fold")
        if any(step.launcher for step in record.steps):
            table.add_column("job", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("time", no_wrap=True, justify="right")
    for step in record.steps:
        note = f" from {printable(step.reused_from)}" if step.reused_from else ""
        note += f", {step.attempts} attempts" if step.attempts > 1 else ""
        kind = [Text(printable(step.type))] if wide else []
        if wide and any(each.launcher for each in record.steps):
            kind.append(Text(printable(step.launcher or "")))
        table.add_row(
            Text(printable(step.name)),
            *kind,
            state_text(step_state(step)).append(note),
            Text("" if step.cached or step.seconds is None else duration(step.seconds)),
        )
    console.print(table)
