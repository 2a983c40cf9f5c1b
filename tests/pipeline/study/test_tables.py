"""The tables of a study: their figures, their page, and what happens when they cannot be written."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StateError, UsageError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.study.figures import summary_rows
from pipeline.study.page import study_page
from pipeline.study.place import prepare_folder
from pipeline.study.tables import Origin, command_line, study_document, write_tables
from tests.folders import contents

ORIGIN = Origin(
    {"processor": "A | B", "cores": 2, "memory_bytes": 8 << 30, "system": "Linux x86_64"},
    {"python": "3.11.9", "keras": "3.15.1"},
    {"commit": "0123abc", "changed": True},
)
Make = Callable[..., Any]


@pytest.fixture
def evaluation(make_evaluation: Make) -> Any:
    return make_evaluation(seeds=3)


@pytest.fixture
def record(make_record: Make, evaluation: Any) -> ExecutionRecord:
    made: ExecutionRecord = make_record(evaluation)
    return made


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_training_and_every_epoch_has_a_row(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    evaluation["candidates"][1]["forward_flops"] = 2_400_000
    write_tables(tmp_path / "new" / "folder", study_document(record, evaluation, None, ORIGIN))
    results = rows_of(tmp_path / "new" / "folder" / "results.csv")
    assert len(results) == 9
    for row, candidate in zip(results, evaluation["candidates"], strict=True):
        assert (row["candidate"], int(row["seed"])) == (candidate["name"], candidate["seed"])
        assert float(row["test_accuracy"]) == candidate["test_accuracy"]
        assert float(row["learning_rate"]) == 0.003
    assert [row["forward_flops"] for row in results[:3]] == ["", "2400000", ""]
    epochs = rows_of(tmp_path / "new" / "folder" / "epochs.csv")
    assert len(epochs) == 9 * 3
    assert [row["epoch"] for row in epochs[:4]] == ["1", "2", "3", "1"]


def test_the_summary_has_mean_and_spread_over_seeds(evaluation: Any) -> None:
    results = [
        {"candidate": each["name"], "forward_flops": None, **each} for each in evaluation["candidates"]
    ]
    row = next(row for row in summary_rows(results) if row["candidate"] == "cnn-3x3")
    accuracies = [each["test_accuracy"] for each in evaluation["candidates"] if each["name"] == "cnn-3x3"]
    assert row["seeds"] == 3
    assert row["test_accuracy_mean"] == pytest.approx(statistics.mean(accuracies))
    assert row["test_accuracy_sd"] == pytest.approx(statistics.stdev(accuracies))


def test_one_seed_has_no_spread(make_evaluation: Make, make_record: Make, tmp_path: Path) -> None:
    evaluation = make_evaluation(seeds=1)
    document = study_document(make_record(evaluation), evaluation, None, ORIGIN)
    write_tables(tmp_path, document)
    assert {row["test_accuracy_sd"] for row in rows_of(tmp_path / "summary.csv")} == {""}
    assert {verdict["decision"] for verdict in document["verdicts"]} == {"undecided"}
    assert "Every model under 1 seed." in (tmp_path / "README.md").read_text()


def test_the_page_opens_with_the_answer_and_ends_with_where_it_comes_from(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    document = study_document(record, evaluation, None, ORIGIN)
    write_tables(tmp_path, document)
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings[:2] == ["# The study", "## The answer"]
    assert headings[-1] == "## Where it comes from"
    for verdict in document["verdicts"]:
        assert f"**{verdict['claim']}** {verdict['sentence']}" in page
    for text in (
        record.execution_id, evaluation["data"]["data_digest"], "0123abc, with changes that are not committed",
        "A \\| B, 2 cores, 8 GiB", "keras 3.15.1", "| cnn-3x3 | 3 |",
    ):  # fmt: skip
        assert text in page
    lines = page.splitlines()
    for above, below in itertools.pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert above.replace("\\|", "").count("|") == below.replace("\\|", "").count("|")


def test_study_json_is_valid_and_has_what_the_tables_show(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    paths = write_tables(tmp_path, study_document(record, evaluation, None, ORIGIN))
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    document = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    assert document["command"] == command_line(record, evaluation)
    assert len(document["analysis"]["seed_comparisons"]) == len(rows_of(tmp_path / "differences.csv"))


def test_the_command_names_what_decides_the_figures(evaluation: Any, record: ExecutionRecord) -> None:
    assert command_line(record, evaluation) == (
        "python -m pipeline study --seeds 3 --candidates baseline,cnn-3x3,cnn-5x5 --param Epochs=3 "
        "--param LearningRate=0.003"
    )


def test_a_study_with_fewer_seeds_for_some_says_so_and_compares_common_ones(
    evaluation: Any, make_record: Make
) -> None:
    entries = evaluation["candidates"]
    evaluation["candidates"] = [each for each in entries if (each["name"], each["seed"]) != ("cnn-5x5", 2)]
    document = study_document(make_record(evaluation), evaluation, None, ORIGIN)
    assert "--seeds 3 --candidates baseline,cnn-3x3,cnn-5x5:2 " in document["command"]
    assert "baseline, cnn-3x3 under 3 seeds; cnn-5x5 under 2 seeds. Under one seed" in study_page(document)
    found = {
        (each["first"], each["second"]): each["seeds"] for each in document["analysis"]["seed_comparisons"]
    }
    assert list(found["cnn-3x3", "baseline"]) == [0, 1, 2]
    assert list(found["cnn-3x3", "cnn-5x5"]) == [0, 1]


def test_tables_that_cannot_be_written_say_how_to_get_them(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=f"--tables {record.execution_id} --out DIR"):
        write_tables(tmp_path / "file" / "study", study_document(record, evaluation, None, ORIGIN))


def test_study_json_names_the_digests_of_the_other_files(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    paths = write_tables(tmp_path, study_document(record, evaluation, None, ORIGIN))
    files = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["files"]
    assert {path.name for path in paths} == {"study.json", *files}
    for name, digest in files.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_tables_are_written_again_where_they_were_and_nowhere_that_somebody_wrote(
    evaluation: Any, record: ExecutionRecord, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    for _ in range(2):
        prepare_folder(folder)
        write_tables(folder, study_document(record, evaluation, None, ORIGIN))
    (folder / "notes.txt").write_text("beside")
    prepare_folder(folder)
    (folder / "README.md").write_text("my own words")
    with pytest.raises(UsageError, match=r"no study wrote there \(README\.md\).*--force"):
        prepare_folder(folder)
    prepare_folder(folder, force=True)
    assert (folder / "README.md").read_text() == "my own words"


def test_a_folder_with_somebodys_files_is_refused_and_they_are_named(tmp_path: Path) -> None:
    for name in ("README.md", "results.csv", "a", "b", "c", "d", ".README.md.unfinished"):
        (tmp_path / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(
        UsageError, match=r"\(README\.md, a, b, c, d and 1 more\)\. Name a new or an empty folder"
    ):
        prepare_folder(tmp_path)
    prepare_folder(tmp_path, force=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"schema_version": 1}', "[" * 100_000])
def test_another_study_json_is_somebodys(tmp_path: Path, document: str) -> None:
    (tmp_path / "study.json").write_text(document)
    with pytest.raises(UsageError, match=r"\(study\.json\)"):
        prepare_folder(tmp_path)


def test_the_committed_studies_are_studies() -> None:
    docs = Path(__file__).parents[3] / "docs"
    for folder in (docs / "study", docs / "study" / "resnet"):
        prepare_folder(folder)


def test_a_folder_that_cannot_be_made_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(
            UsageError, match=r"Could not take .*: (File exists|Not a directory)\. Name another"
        ):
            prepare_folder(folder)
    prepare_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_study_with_searches_says_what_they_found_and_how_to_make_them(
    evaluation: Any, record: ExecutionRecord
) -> None:
    def trial(number: int, value: float, rate: str) -> dict[str, Any]:
        metric = {"Type": "Maximize", "MetricName": "validation_accuracy", "Value": value}
        return {
            "TrainingJobName": f"abc-Tune-cn-{number:03d}-0a1b2c3d",
            "TunedHyperParameters": {"learning-rate": rate},
            "TrainingJobStatus": "Completed",
            "FinalHyperParameterTuningJobObjectiveMetric": metric,
        }

    config = {
        "Strategy": "Random",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 2},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation_accuracy"},
    }
    found = [trial(2, 0.94, "0.0123456"), trial(1, 0.93, "0.002")]
    properties = {"HyperParameterTuningJobConfig": config, "TrainingJobSummaries": found}
    step = StepRecord("Tune-cnn-3x3", "Tuning", "Succeeded", properties=properties)
    with_search = replace(record, steps=(step, *record.steps))
    assert "--tune 2 --tune-strategy Random" in command_line(with_search, evaluation)
    document = study_document(with_search, evaluation, None, ORIGIN)
    assert document["searches"] == [
        {
            "search": "Tune-cnn-3x3",
            "metric": "validation_accuracy",
            "trials": [
                {"trial": 2, "status": "Completed", "value": 0.94, "learning-rate": "0.0123456"},
                {"trial": 1, "status": "Completed", "value": 0.93, "learning-rate": "0.002"},
            ],
        }
    ]
    page = study_page(document)
    assert "| Tune-cnn-3x3 | 2 | 94.00 % | 0.01235 |" in page
    assert "| Tune-cnn-3x3 | 1 | 93.00 % | 0.002 |" in page
    assert "range may have been too narrow" not in page
    document["searches"][0]["trials"][0]["learning-rate"] = "0.0271"
    assert "too narrow: Tune-cnn-3x3: learning-rate 0.0271 (highest)." in study_page(document)
    assert "## The settings" not in study_page(study_document(record, evaluation, None, ORIGIN))
