from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.view.board import Board, Snapshot
from pipeline.view.steptable import fit, render

NOW = 1000.0
EPOCH = "epoch=1/3 validation_loss=0.4100 validation_accuracy=0.8512 images_per_second=2050"


def snapshot_of(*steps: StepRecord, lines: dict[str, list[str]] | None = None, **changes: Any) -> Snapshot:
    board = Board()
    record = ExecutionRecord("8f3a2c9d41e7", "p", "local", "Executing", {}, NOW - 65, steps=steps)
    board.execution_changed(replace(record, **changes))
    for step, texts in (lines or {}).items():
        for text in texts:
            board.log_line(step, text)
    return board.snapshot()


def shown(snapshot: Snapshot, width: int = 120, height: int | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, emoji=False)
    console.print(render(snapshot, NOW, width, height))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    return str(text)


RUN = (
    StepRecord("NormalizeData", "Processing", "Succeeded", NOW - 65, NOW - 53, cached=True),
    StepRecord("Train-baseline-0", "Training", "Succeeded", NOW - 53, NOW - 40),
    StepRecord("Train-cnn-3x3-0", "Training", "Executing", NOW - 53),
    StepRecord(
        "Train-cnn-5x5-0", "Training", "Failed", NOW - 53, NOW - 1, failure_reason="Ran out of memory."
    ),
    StepRecord("Evaluate", "Processing"),
)
LINES = {"Train-cnn-3x3-0": [EPOCH, "progress=0.37 epoch=2/3 loss=0.4"]}


def test_a_wide_terminal_shows_state_time_progress_and_metrics() -> None:
    text = shown(snapshot_of(*RUN, lines=LINES))
    rows = {line.split()[0]: line.split() for line in text.splitlines()}
    assert rows["Execution"][1:] == [
        "8f3a2c9d41e7",
        "▶",
        "running",
        "1",
        "min",
        "05",
        "s",
        "3",
        "of",
        "5",
        "steps",
    ]
    assert rows["NormalizeData"][1:] == ["↺", "reused"]
    assert rows["Train-baseline-0"][1:] == ["✓", "succeeded", "13", "s"]
    assert rows["Evaluate"][1:] == ["·", "waiting"]
    running = " ".join(word for word in rows["Train-cnn-3x3-0"] if not set(word) <= set("━╸╺"))
    assert running == "Train-cnn-3x3-0 ▶ running 53 s 37 % 2/3 85.12 % 0.4100 2,050"
    assert "✗ Train-cnn-5x5-0: Ran out of memory." in text


@pytest.mark.parametrize(("width", "metric"), [(80, "85.12 %"), (40, "37 %")])
def test_a_narrow_terminal_still_shows_each_step_and_its_state(width: int, metric: str) -> None:
    text = shown(snapshot_of(*RUN, lines=LINES), width)
    rows = [line for line in text.splitlines() if line.startswith(("Normalize", "Train", "Evaluate"))]
    assert len(rows) == len(RUN)
    assert [
        word in row
        for row, word in zip(rows, ("reused", "succeeded", "running", "failed", "waiting"), strict=True)
    ]
    assert metric in rows[2]


def test_long_names_give_way_and_nothing_wraps() -> None:
    name = "Train-" + "very-" * 30 + "long-0"
    text = shown(snapshot_of(StepRecord(name, "Training", "Executing", NOW - 5)), 40)
    assert "▶ running" in text
    assert len(text.splitlines()) == 2


def test_a_retried_step_says_which_attempt_runs() -> None:
    assert "running, try 2" in shown(
        snapshot_of(StepRecord("Train", "Training", "Executing", NOW, attempts=2))
    )


def test_many_steps_fit_a_low_terminal_and_what_is_left_out_is_counted() -> None:
    done = [StepRecord(f"Done-{number}", "Training", "Succeeded", 1.0, 2.0) for number in range(20)]
    running = [StepRecord(f"Run-{number}", "Training", "Executing", NOW) for number in range(2)]
    waiting = [StepRecord(f"Wait-{number}", "Training") for number in range(10)]
    text = shown(snapshot_of(*done, *running, *waiting), 80, height=14)
    assert len(text.splitlines()) <= 14
    assert "Run-0" in text
    assert "Run-1" in text
    assert "Wait-0" in text
    assert "… and 20 succeeded, 4 waiting" in text


def test_what_runs_or_failed_is_kept_before_what_waits_or_is_done() -> None:
    steps = [
        StepRecord("old", "T", "Succeeded"),
        StepRecord("new", "T", "Succeeded"),
        StepRecord("bad", "T", "Failed"),
        StepRecord("run", "T", "Executing"),
        StepRecord("next", "T"),
        StepRecord("later", "T"),
    ]
    assert [step.name for step in fit(steps, 3)] == ["bad", "run", "next"]
    assert [step.name for step in fit(steps, 5)] == ["new", "bad", "run", "next", "later"]


def test_text_of_others_is_shown_as_it_is_not_as_markup() -> None:
    text = shown(
        snapshot_of(StepRecord("[red]a[/red]:x:", "T", "Failed", 1.0, 2.0, failure_reason="\x1b[2J[b]"))
    )
    assert "[red]a[/red]:x:" in text
    assert "✗ [red]a[/red]:x:: [b]" in text


def test_before_the_first_news_the_view_says_that_it_starts() -> None:
    assert shown(Snapshot()) == "Starting …\n"


@pytest.mark.parametrize("metric", ["nan", "inf", "-1e308", "1e308"])
def test_an_odd_metric_is_drawn_all_the_same(metric: str) -> None:
    line = f"epoch=1/3 validation_loss={metric} validation_accuracy={metric} images_per_second={metric}"
    for width in (40, 80, 120):
        console = Console(file=io.StringIO(), width=width)
        console.print(render(snapshot_of(*RUN, lines={"Train-cnn-3x3-0": [line]}), NOW, width, None))
        assert "Train-cnn" in console.file.getvalue()  # type: ignore[attr-defined]
