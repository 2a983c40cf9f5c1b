"""Prints why an execution did not succeed: which step, its reason, the end of its log, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.formatting import duration
from pipeline.printable import printable
from pipeline.view.leaderboard import duration_of
from pipeline.view.states import state_of
from pipeline.view.terminal import open_console, print_fact

# So that it all stays on one screen: failed steps shown in full, lines of a reason, lines of a log.
STEPS, REASON_LINES, LOG_LINES = 3, 8, 10


def print_failure(
    record: ExecutionRecord,
    log_tails: Mapping[str, Sequence[str]],
    stream: TextIO,
    resumable: bool = False,
    remarks: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType({}),
) -> None:
    """`log_tails` holds the last lines of failed steps' logs by step, oldest first; steps without a job have none.

    `resumable` says that the target's `resume` can continue the execution. `remarks` are labels and texts about
    failed steps, by step.
    """
    console = open_console(stream)
    state = state_of(record.status)
    console.print()
    print_fact(
        console, "Execution", f"{state.symbol} {record.execution_id} {duration_of(record)}", state.style
    )
    failed = [step for step in record.steps if step.status == "Failed"]
    if record.failure_reason and not any(says(step.failure_reason, record.failure_reason) for step in failed):
        print_lines(console, record.failure_reason.strip().splitlines()[:REASON_LINES])
    stopped = [step.name for step in record.steps if step.status == "Stopped"]
    if stopped:
        print_fact(console, "Stopped", ", ".join(stopped))
    for step in failed[:STEPS]:
        print_step(console, step, log_tails.get(step.name, ()))
        for label, text in remarks.get(step.name, ()):
            print_fact(console, label, text)
    if len(failed) > STEPS:
        print_fact(console, "Also failed", ", ".join(step.name for step in failed[STEPS:]))
    console.print()
    for index, command in enumerate(next_commands(record, failed, log_tails, resumable)):
        print_fact(console, "" if index else "Next", command)


def print_step(console: Console, step: StepRecord, tail: Sequence[str]) -> None:
    """A failed step: what it was, how its reason begins, and the end of its log unless that shows it already."""
    state = state_of(step.status)
    tries = f", {step.attempts} attempts" if step.attempts > 1 else ""
    spent = "" if step.seconds is None else f" after {duration(step.seconds)}"
    console.print()
    print_fact(console, step.type, f"{state.symbol} {step.name} failed{spent}{tries}", state.style)
    reason = (step.failure_reason or "").strip() or "No reason was given."
    beginning = reason.splitlines()[:REASON_LINES]
    print_lines(console, beginning)
    shown = "\n".join(beginning)
    news = [line for line in tail if line.strip() and line.strip() not in shown]
    if news:
        console.print(Text("The end of its log:", style="dim"))
        print_lines(console, news[-LOG_LINES:], style="dim")


def print_lines(console: Console, lines: Sequence[str], style: str = "") -> None:
    """Lines of someone else's text, set off by a bar."""
    for line in lines:
        console.print(Text("  │ ", style="dim") + Text(printable(line), style=style), soft_wrap=True)


def next_commands(
    record: ExecutionRecord,
    failed: Sequence[StepRecord],
    log_tails: Mapping[str, Sequence[str]],
    resumable: bool,
) -> list[str]:
    """The commands that help from here."""
    commands = [
        f"python -m pipeline logs {record.execution_id} {step.name}{record.flag}"
        for step in failed[:STEPS]
        if step.name in log_tails
    ]
    if not commands:
        commands = [f"python -m pipeline show {record.execution_id}{record.flag}"]
    if resumable and not any(step.type == "Fail" for step in failed):
        commands.append(f"python -m pipeline resume {record.execution_id}{record.flag}")
    return commands


def says(text: str | None, reason: str) -> bool:
    """Whether a step's reason holds the execution's, or is held by it."""
    known = (text or "").strip()
    return known != "" and (known in reason or reason.strip() in known)
