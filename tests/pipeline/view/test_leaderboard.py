from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.view.leaderboard import print_candidates, print_leaderboard

Make = Callable[..., Any]
REPORT = Path(
    "/home/someone/a-rather-long-folder-name/fashion-mnist/.local/executions/8f3a2c9d41e7/report.html"
)


@pytest.fixture
def printed(make_evaluation: Make, make_registration: Make, make_record: Make) -> Callable[..., str]:
    def printed(evaluation: Any = None, registration: Any = None) -> str:
        evaluation = evaluation or make_evaluation()
        stream = io.StringIO()
        given = make_registration() if registration is None else registration
        print_leaderboard(evaluation, given, make_record(evaluation), REPORT, stream)
        return stream.getvalue()

    return printed


def row(text: str, start: str) -> str:
    """The one line that starts so, with single spaces."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(start))
    return " ".join(line.split())


def test_a_row_has_the_case_studys_columns_and_how_it_stands_to_them(printed: Callable[..., str]) -> None:
    text = printed()
    head = "model training acc. validation acc. test acc. parameters images/s training time"
    assert row(text, "model") == head
    assert row(text, "★ cnn-3x3-0") == "★ cnn-3x3-0 93.52 % = 91.54 % = 91.10 % = 421,642 2,050 1 min 21 s"
    assert row(text, "baseline-0") == "baseline-0 89.21 % = 87.02 % ↑ 86.55 % = 101,770 24,700 7.1 s"
    assert row(text, "study CNN") == "study CNN 93–95 % 91–93 % 91–93 %"
    assert row(text, "study baseline") == "study baseline 88–90 % 85–87 % 86–88 %"


def test_the_best_on_validation_stands_first(printed: Callable[..., str]) -> None:
    text = printed()
    assert text.index("cnn-3x3-0") < text.index("cnn-5x5-0") < text.index("baseline-0")


def test_an_accuracy_below_its_band_is_marked(printed: Callable[..., str], make_evaluation: Make) -> None:
    evaluation = make_evaluation()
    evaluation["candidates"][1]["test_accuracy"] = 0.9099
    assert "90.99 % ↓" in printed(evaluation)


def test_what_became_of_the_winner_is_said_and_paths_are_whole(printed: Callable[..., str]) -> None:
    lines = printed().splitlines()
    assert "Winner      cnn-3x3 (seed 0): 91.54 % on validation, 91.10 % on test" in lines
    assert (
        "Gate        ✓ passed. cnn-3x3-0 reaches a test accuracy of 0.9110, at least the required 0.9."
        in lines
    )
    assert "Registered  Version 3 of fashion-mnist is registered, PendingManualApproval." in lines
    assert f"Report      {REPORT}" in lines
    assert "Execution   8f3a2c9d41e7 succeeded after 2 min 54 s" in lines


def test_a_missed_gate_is_said_and_nothing_was_registered(
    printed: Callable[..., str], make_evaluation: Make, make_registration: Make
) -> None:
    text = printed(make_evaluation(passed=False), make_registration(False))
    assert (
        "Gate        ✗ missed. cnn-3x3-0 reaches a test accuracy of 0.9110, less than the required 0.95."
        in text
    )
    assert "Registered  nothing. Nothing was registered: the quality gate was missed." in text


def test_a_registration_that_was_never_written_is_not_made_up(printed: Callable[..., str]) -> None:
    assert "Registered  nothing\n" in printed(registration=NOT_RECORDED).replace("nothing.", "nothing")


def test_a_model_without_a_band_has_no_mark(printed: Callable[..., str], make_evaluation: Make) -> None:
    text = printed(make_evaluation(names=("resnet",)))
    assert row(text, "★ resnet-0").startswith("★ resnet-0 93.52 % 91.54 % 91.10 % 421,642")
    assert "study" not in text.replace("case study", "")


@pytest.mark.parametrize("width", [80, 72, 60, 40])
def test_every_figure_survives_on_a_narrow_terminal(width: int, make_evaluation: Make) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    print_candidates(console, make_evaluation())
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= width
    for figure in ("★ cnn-3x3-0", "93.52 % =", "87.02 % ↑", "421,642", "1 min 21 s", "91–93 %", "85–87 %"):
        assert figure in text


def test_a_name_cannot_bring_markup_or_control_codes(
    printed: Callable[..., str], make_evaluation: Make
) -> None:
    evaluation = make_evaluation(names=("[bold]\x1b[2Jx:smile:",))
    assert "★ [bold]x:smile:-0" in printed(evaluation)
    assert "\x1b" not in printed(evaluation)
