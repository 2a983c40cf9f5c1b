"""`monitor`: what it is told, and the command that trains anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli.commands.monitor_request import check, words_of_run
from pipeline.cli.parser import build_parser
from pipeline.definition.parameters import parse_parameters
from pipeline.errors import DataError, UsageError
from pipeline.monitoring.captured import endpoint_of


def test_retraining_is_a_run_that_notes_why_and_must_beat_the_champion() -> None:
    args = build_parser().parse_args(
        ["monitor", "captured", "--retrain", "--data", "labelled", "--any-data", "--plain"]
    )
    words = words_of_run(args, "s3://bucket/captured/1")
    run = build_parser().parse_args(words)
    assert (run.command, run.target, run.plain, run.yes) == ("run", "local", True, False)
    assert (str(run.data), run.any_data) == ("labelled", True)
    assert parse_parameters(run.param) == {
        "CapturedDataUri": "s3://bucket/captured/1",
        "MustBeatChampion": "true",
    }


def test_what_it_may_cost_is_handed_on() -> None:
    words = ["monitor", "--target", "sagemaker", "--retrain", "--yes", "--max-cost", "3"]
    run = build_parser().parse_args(words_of_run(build_parser().parse_args(words), "s3://bucket/captured"))
    assert (run.target, run.yes, run.max_cost, run.data) == ("sagemaker", True, 3.0, None)


@pytest.mark.parametrize(
    "words",
    [
        ["--hours", "-1"],
        ["--hours", "9000"],
        ["--model", "0"],
        [""],
        ["--endpoint", ""],
        ["--data", "x"],
        ["--any-data"],
        ["--retrain", "--any-data"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError):
        check(build_parser().parse_args(["monitor", *words]))


def test_the_only_endpoint_is_the_one_that_is_meant() -> None:
    paths = [f"c/model-version-{each}/fashion/AllTraffic/2026/11/30/02/a.jsonl" for each in (1, 2)]
    assert endpoint_of(paths, None, "c") == endpoint_of(paths, "fashion", "c") == "fashion"
    with pytest.raises(UsageError, match="There are no captured requests below c"):
        endpoint_of(["c/readme"], None, "c")


def test_data_that_cannot_be_trained_on_are_refused_before_anything_is_compared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a folder with the four IDX files"):
        check(build_parser().parse_args(["monitor", "--retrain", "--data", str(tmp_path)]))
