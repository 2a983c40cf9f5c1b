"""Prints the trials of Tuning steps: what was tuned, and what came of it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.formatting import MISSING
from pipeline.printable import printable
from pipeline.trials import SearchResult, search_in
from pipeline.view.terminal import make_table

# Of a longer search the best are shown.
_MOST_SHOWN = 20
_DIGITS = 6


def print_trials(console: Console, record: ExecutionRecord) -> None:
    """A table of trials, best first, for each Tuning step that has any."""
    steps = {str(step.properties.get("TrainingJobName")): step.name for step in record.steps if step.part_of}
    for step in record.steps:
        search = search_in(step)
        if search is None:
            continue
        console.print()
        table = make_table()
        table.add_column(printable(f"trials of {step.name}"), overflow="fold")
        for name in search.names:
            table.add_column(printable(name), justify="right", overflow="fold")
        table.add_column(printable(search.metric), justify="right", overflow="fold")
        table.add_column("", no_wrap=True)
        for trial in search.trials[:_MOST_SHOWN]:
            table.add_row(
                Text(printable(steps.get(trial.job, trial.job))),
                *(Text(printable(short(trial.tuned.get(name, "")))) for name in search.names),
                Text(MISSING if trial.value is None else f"{trial.value:.{_DIGITS}g}"),
                Text("" if trial.status == "Completed" else _in_words(trial.status)),
            )
        console.print(table)
        if len(search.trials) > _MOST_SHOWN:
            console.print(f"… and {len(search.trials) - _MOST_SHOWN} more")


def best_so_far(step: StepRecord) -> str:
    """A few words about a search for the table of steps; "" before its first trial has ended."""
    search = search_in(step)
    if search is None or all(trial.value is None for trial in search.trials):
        return ""
    return f"best {_best(search):.4g} of {sum(trial.status != 'InProgress' for trial in search.trials)}"


def _best(search: SearchResult) -> float:
    values = [trial.value for trial in search.trials if trial.value is not None]
    return max(values) if search.maximize else min(values)


def short(text: str) -> str:
    """A number with few digits; any other text as it is."""
    try:
        number = float(text)
    except ValueError:
        return text
    return text if text.lstrip("+-").isdigit() else f"{number:.4g}"


def _in_words(status: str) -> str:
    words = {"Stopped": "stopped early", "Failed": "failed", "InProgress": "running"}
    return words.get(status, status)
