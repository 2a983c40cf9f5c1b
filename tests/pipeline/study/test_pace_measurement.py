"""Measuring how fast candidates train: the real script on a small data set."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.errors import StepFailed
from pipeline.local.state.state_dir import Home
from pipeline.study.pace_measurement import calibration

DENSE = {
    "candidate": "baseline", "architecture": "dense", "seed": "0", "epochs": "50", "batch-size": "64",
    "learning-rate": "0.006",
}  # fmt: skip


def test_two_copies_are_measured_and_nothing_is_left(small_data_set: Path, tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    began = time.monotonic()
    with calibration(home, small_data_set, parallel=2, threads=1) as measuring:
        pace = measuring.measure(DENSE)
    spent = time.monotonic() - began
    assert 2750 / spent < pace.images_per_second < 1e6  # it showed 2,750 images, in less than all that time
    assert 0 < pace.overhead < 2 * spent
    assert pace.source == "measured just now"
    assert list(home.temporary.iterdir()) == []


def test_a_training_that_fails_is_told_with_the_end_of_its_output(
    small_data_set: Path, tmp_path: Path
) -> None:
    home = Home.open(tmp_path)
    with (
        pytest.raises(StepFailed, match="how fast baseline trains") as caught,
        calibration(home, small_data_set, parallel=1, threads=1) as measuring,
    ):
        measuring.measure({**DENSE, "architecture": "round"})
    assert "architecture" in str(caught.value)
    assert list(home.temporary.iterdir()) == []


def test_another_python_is_measured_where_jobs_run_with_it(small_data_set: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho this one >&2\nexit 9\n")
    python.chmod(0o755)
    with (
        pytest.raises(StepFailed, match=r"(?s)exit status 9.*this one"),
        calibration(Home.open(tmp_path / "home"), small_data_set, 1, 1, str(python)) as measuring,
    ):
        measuring.measure(DENSE)


def test_data_that_cannot_be_normalized_are_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (
        pytest.raises(StepFailed, match=r"Normalizing .* to measure the models' pace"),
        calibration(Home.open(tmp_path / "home"), tmp_path / "data", 1, 1) as measuring,
    ):
        measuring.measure(DENSE)
