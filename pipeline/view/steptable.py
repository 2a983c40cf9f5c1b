"""Draws the table of steps of the live view. Pure: a snapshot and the terminal's size in, renderables out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.formatting import count, decimal, duration, percent, plural
from pipeline.printable import printable
from pipeline.view.board import Snapshot, StepProgress
from pipeline.view.states import has_ended, state_of, step_state
from pipeline.view.terminal import make_table
from pipeline.view.trials import best_so_far

# From how many columns on the table has its bars, and all of its metrics.
MEDIUM, WIDE = 64, 104
# What stands around the rows: title, header, summary of the rows left out, a failure, the line of the cursor.
LINES_AROUND = 6


def render(snapshot: Snapshot, now: float, width: int, height: int | None) -> RenderableType:
    """The view of `snapshot` at `now` (seconds since the epoch) for a terminal of `width` columns.

    With a `height` (lines), steps that say little are left out until the rest fits, and counted.
    """
    execution = snapshot.execution
    if execution is None:
        return Text("Starting …", style="dim")
    shown = list(execution.steps) if height is None else fit(execution.steps, max(height - LINES_AROUND, 3))
    table = make_table(gap=2 if width >= MEDIUM else 1)
    table.show_header = width >= MEDIUM
    # The one column that gives way when space is short; its texts are cut, not wrapped.
    table.add_column("step")
    table.add_column("state", no_wrap=True)
    table.add_column("time", no_wrap=True, justify="right")
    if width >= MEDIUM:
        table.add_column("progress")
        table.add_column("epoch", no_wrap=True, justify="right")
        table.add_column("validation" if width >= WIDE else "val.", no_wrap=True, justify="right")
    else:
        table.add_column("", no_wrap=True, justify="right")
    if width >= WIDE:
        table.add_column("loss", no_wrap=True, justify="right")
        table.add_column("images/s", no_wrap=True, justify="right")
    for step in shown:
        table.add_row(*cells(step, snapshot.progress.get(step.name), now, width))
    parts: list[RenderableType] = [title(execution, now, width), table]
    left_out = [step for step in execution.steps if step not in shown]
    if left_out:
        parts.append(Text(f"… and {tally(left_out)}", style="dim", no_wrap=True, overflow="ellipsis"))
    return Group(*parts, *failures(shown))


def fit(steps: Sequence[StepRecord], rows: int) -> list[StepRecord]:
    """At most `rows` of the steps, in order: those that run or failed come before those that wait or are done."""
    urgency = {
        "Failed": 0,
        "Executing": 0,
        "Stopping": 0,
        "Starting": 0,
        "Stopped": 1,
        "Pending": 2,
        "Succeeded": 3,
    }
    # Of the steps that wait the first are next; of those that are done the last are news.
    order = sorted(
        range(len(steps)),
        key=lambda index: (
            urgency.get(steps[index].status, 4),
            -index if has_ended(steps[index]) else index,
        ),
    )
    return [steps[index] for index in sorted(order[:rows])]


def tally(steps: Sequence[StepRecord]) -> str:
    """The steps counted by state: "9 succeeded, 6 waiting"."""
    words = Counter(step_state(step).word for step in steps)
    return ", ".join(f"{number} {word}" for word, number in words.items())


def title(execution: ExecutionRecord, now: float, width: int) -> Text:
    """One line about the execution as a whole."""
    state = state_of(execution.status)
    spent = duration(execution.seconds_until(execution.ended_at or now))
    done = sum(has_ended(step) for step in execution.steps)
    line = Text(no_wrap=True, overflow="ellipsis")
    if width >= MEDIUM:
        line.append(f"Execution {printable(execution.execution_id)}  ", style="bold")
    line.append(f"{state.symbol} {state.word}", style=state.style)
    line.append(f"  {spent}  {done} of {plural(len(execution.steps), 'step')}")
    return line


def cells(step: StepRecord, progress: StepProgress | None, now: float, width: int) -> list[RenderableType]:
    """One row of the table."""
    state = step_state(step)
    word = state.word if step.attempts < 2 else f"{state.word}, try {step.attempts}"
    row: list[RenderableType] = [
        Text(
            printable(step.name),
            style="dim" if step.status in ("Pending", "Skipped") else "",
            no_wrap=True,
            overflow="ellipsis",
        ),
        Text(f"{state.symbol} {word}", style=state.style),
        Text(elapsed(step, now, brief=width < MEDIUM)),
    ]
    metrics = {} if progress is None or progress.finished is None else progress.finished.metrics
    accuracy = (
        percent(metrics["validation_accuracy"], 1 if width < MEDIUM else 2)
        if "validation_accuracy" in metrics
        else ""
    )
    running = progress is not None and not has_ended(step)
    if width < MEDIUM:
        fraction = percent(progress.fraction, 0) if running and progress is not None else ""
        return [*row, Text(fraction or accuracy)]
    if running and progress is not None:
        row.append(bar(progress, 24 if width >= WIDE else 12))
    else:
        row.append(Text(printable(best_so_far(step)), no_wrap=True))
    row.append(Text(epochs(progress)))
    row.append(Text(accuracy))
    if width >= WIDE:
        row.append(Text(decimal(metrics["validation_loss"]) if "validation_loss" in metrics else ""))
        row.append(Text(count(metrics["images_per_second"]) if "images_per_second" in metrics else ""))
    return row


def elapsed(step: StepRecord, now: float, brief: bool) -> str:
    """The time that the step took, or has taken so far; brief is "2:05" for 2 minutes and 5 seconds."""
    if step.cached or step.started_at is None:
        return ""
    seconds = (step.ended_at or now) - step.started_at
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}" if brief else duration(seconds)


def epochs(progress: StepProgress | None) -> str:
    """The epoch running, of all: "2/3"."""
    return "" if progress is None or progress.epoch is None else f"{progress.epoch}/{progress.epochs}"


def bar(progress: StepProgress, width: int) -> RenderableType:
    """A progress bar with its percentage."""
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_row(
        ProgressBar(
            total=1.0, completed=progress.fraction, width=width, complete_style="cyan", finished_style="cyan"
        ),
        Text(f"{progress.fraction * 100:3.0f} %"),
    )
    return row


def failures(steps: Sequence[StepRecord]) -> list[Text]:
    """One line for each failed step: the beginning of its reason."""
    return [
        Text(
            f"✗ {printable(step.name)}: {printable(step.failure_reason.strip())}",
            no_wrap=True,
            overflow="ellipsis",
        )
        for step in steps
        if step.status == "Failed" and step.failure_reason and step.failure_reason.strip()
    ][:3]
