"""The benchmarks of training run, on little data. Their figures are not judged here: the machine may be busy."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from job_settings import parse_settings
from tests.forked_popen import started_programs

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "tests" / "bench"
HIGHEST = 0.999  # an accuracy that is not reached
# A dozen processes that import TensorFlow.
pytestmark = pytest.mark.timeout(1200)


def bench(script: str, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"tests/bench/{script}", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )


def measure_once(patch: pytest.MonkeyPatch, data: Path) -> None:
    """Let the parts of the benchmark that ask for the same training, or rate, share what one process measured."""
    trained = importlib.import_module("trained")

    @functools.cache
    def trained_once(candidate: str, processed: Path, threads: int | None, more: tuple[Any, ...]) -> Any:
        return trained.train(candidate, processed, threads, dict(more), data)

    def train(
        candidate: str, processed: Path, threads: int | None, more: dict[str, str], test_data: Any = None
    ) -> Any:
        one = trained_once(candidate, processed, threads, tuple(more.items()))
        assert test_data in (None, data)
        return one if test_data else replace(one, accuracies=())

    @functools.cache
    def fitted_once(candidate: str, processed: Path, threads: int | None, epochs: int) -> Any:
        return trained.plain_fit(candidate, processed, threads, epochs, until=HIGHEST)

    def plain_fit(
        candidate: str, processed: Path, threads: int | None, epochs: int, until: float | None = None
    ) -> Any:
        one = fitted_once(candidate, processed, threads, epochs)
        assert until in (None, HIGHEST)
        return one if until else replace(one, accuracies=())

    shared = {"train": train, "plain_fit": plain_fit, "sgemm": functools.cache(trained.sgemm)}
    put_in(patch, shared)


def put_in(patch: pytest.MonkeyPatch, names: dict[str, Any]) -> None:
    """Give the modules of the benchmarks these in the place of their own."""
    modules = ("bench_training", "bench_gpu", "bench_speed", "bench_accuracy")
    for module in map(importlib.import_module, modules):
        for name in names.keys() & vars(module).keys():
            patch.setattr(module, name, names[name])


@pytest.fixture(scope="module")
def figures(small_data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What `make bench` writes and prints for one small candidate, without the pipeline's part."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    said, common = (
        io.StringIO(),
        ["--candidates", "baseline", "--data", str(small_data_set), "--json", str(file)],
    )
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said), started_programs():
        patch.syspath_prepend(str(BENCH))
        measure_once(patch, small_data_set)
        module = importlib.import_module("bench_training")
        words = ["--only", "speed", "accuracy", "--racers", "baseline", "--targets", "0.2", str(HIGHEST)]
        words += ["--schedules", "2", "--plain-epochs", "2", "--sgemm-seconds", "0.02", *common]
        assert module.main(module.parse_args(words)) == 0
    document = json.loads(file.read_text())
    done = bench("bench_training.py", "--only", "evaluate", "--trainings", "1", "2", *common)
    assert done.returncode == 0, done.stderr
    return {**document, **json.loads(file.read_text())}, said.getvalue() + done.stdout


def test_both_sides_are_measured_beside_the_sgemm_rate(figures: tuple[dict[str, Any], str]) -> None:
    (row,) = figures[0]["speed"]
    assert row["candidate"] == "baseline"
    assert row["images_per_second"] > 0
    assert row["ratio"] == pytest.approx(row["images_per_second"] / row["plain_images_per_second"])
    expected = row["images_per_second"] * 3 * row["forward_flops"] / row["sgemm_flops_per_second"]
    assert row["sgemm_share"] == pytest.approx(expected)
    assert 0 < row["sgemm_share"] < 1
    assert 1e8 < row["peak_memory"] < 1e11
    assert f"{row['ratio']:.2f}" in figures[1]


def test_evaluate_is_measured_over_few_trainings_and_many(figures: tuple[dict[str, Any], str]) -> None:
    few, many = figures[0]["evaluate"]
    assert (few["trainings"], many["trainings"]) == (1, 2)
    assert 1e8 < few["peak_memory"] < 1e11
    assert {"evaluation.json", "predictions.npz", "gallery.npz"} <= few["digests"].keys()
    assert few["digests"]["gallery.npz"] == many["digests"]["gallery.npz"]
    assert f"{many['peak_memory'] / few['peak_memory']:.2f}" in figures[1]


def test_the_seconds_to_an_accuracy_are_those_of_training_alone(figures: tuple[dict[str, Any], str]) -> None:
    (race,) = figures[0]["accuracy"]
    assert [one["epochs"] for one in race["ours"]] == [2]
    assert [one["epochs"] for one in race["plain"]] == [1, 2]
    assert race["plain"][0]["seconds"] < race["plain"][1]["seconds"]
    low, high = race["seconds"]
    assert low["train.py"] == race["ours"][0]["seconds"]
    assert low["plain"] == race["plain"][0]["seconds"]
    assert (high["train.py"], high["plain"]) == (None, None)
    assert "not reached" in figures[1]


def test_the_figures_say_on_what_they_were_measured(figures: tuple[dict[str, Any], str]) -> None:
    assert {"machine", "versions", "git", "threads", "load_before", "load_after"} <= figures[0].keys()
    assert "Load of this machine" in figures[1]


@pytest.fixture
def stubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The benchmarks' scripts can be imported; a training ends at once, and what it was given is noted here.

    That train.py and plain_fit.py take it and tell what is read is seen with the real ones above.
    """
    monkeypatch.syspath_prepend(str(BENCH))
    given: list[tuple[str, dict[str, Any]]] = []
    trained = importlib.import_module("trained").Trained

    def train(
        candidate: str, processed: Path, threads: int | None, more: dict[str, str], test_data: Any = None
    ) -> Any:
        given.append(("train", {"candidate": candidate, "threads": threads, **more}))
        seconds = (3.0,) + (1.0,) * (int(more["epochs"]) - 1)
        return trained(2700, seconds, () if test_data is None else (0.6,), 9.0, 10**9, 1000)

    def plain_fit(candidate: str, processed: Path, threads: int | None, epochs: int) -> Any:
        given.append(("plain", {"candidate": candidate, "threads": threads, "epochs": epochs}))
        return trained(2700, (2.0,) * epochs, (), 9.0, 10**9)

    stubs = {
        "train": train,
        "plain_fit": plain_fit,
        "sgemm": lambda threads, seconds: threads * 1e9,
        "find_gpu": lambda: None,
        "normalized": lambda data: contextlib.nullcontext(tmp_path),
    }
    put_in(monkeypatch, stubs)
    return given


def test_trainings_at_once_share_the_threads_and_are_added_up(
    stubbed: list[tuple[str, dict[str, Any]]],
    small_data_set: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = importlib.import_module("bench_training")
    words = ["--only", "speed", "--candidates", "baseline", "--data", str(small_data_set), "--json"]
    speeds = {}
    for at_once in ("1", "2"):
        file = tmp_path / f"{at_once}.json"
        assert (
            module.main(module.parse_args([*words, str(file), "--threads", "2", "--at-once", at_once])) == 0
        )
        figures = json.loads(file.read_text())
        assert (figures["at_once"], figures["threads"]) == (int(at_once), 2)
        speeds[at_once] = figures["speed"][0]["images_per_second"]
        said = "".join(capsys.readouterr())
        assert f"{at_once} at once" in said
    assert [(kind, flags["threads"]) for kind, flags in stubbed] == [
        ("train", 2), ("plain", 2), ("train", 1), ("train", 1), ("plain", 1), ("plain", 1),
    ]  # fmt: skip
    assert speeds == {"1": 2700, "2": 5400}


def test_more_trainings_at_once_than_threads_are_refused() -> None:
    done = bench("bench_training.py", "--threads", "2", "--at-once", "3")
    assert done.returncode == 2
    assert "--at-once must be from 1 to 2" in done.stderr
    assert "not 3" in done.stderr


@pytest.mark.e2e
def test_the_pipeline_is_timed_cold_and_cached(small_data_set: Path, tmp_path: Path) -> None:
    done = bench(
        "bench_training.py", "--only", "pipeline", "--candidates", "baseline", "--param", "Epochs=1",
        "--param", "MinAccuracy=0", "--data", small_data_set, "--json", tmp_path / "figures.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cold, cached = json.loads((tmp_path / "figures.json").read_text())["pipeline"]
    assert cold["reused"] == []
    assert {"NormalizeData", "Train-baseline-0", "Evaluate"} <= set(cached["reused"])
    assert cached["steps"]["Train-baseline-0"] < cold["steps"]["Train-baseline-0"]
    assert 0 < cached["seconds"] < cold["seconds"]
    assert "all cached" in done.stdout


def test_a_command_that_fails_is_told_with_the_end_of_its_output(small_data_set: Path) -> None:
    done = bench(
        "bench_training.py", "--only", "accuracy", "--racers", "baseline", "--flag", "learning-rate=high",
        "--data", small_data_set,
    )  # fmt: skip
    assert done.returncode == 1
    assert "A measured command failed" in done.stderr
    assert "learning-rate must be a number" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_gpu_the_gpus_benchmark_says_so() -> None:
    done = bench("bench_gpu.py", CUDA_VISIBLE_DEVICES="-1")
    assert done.returncode == 1
    assert "TensorFlow sees no GPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_gpus_benchmark_measures_what_there_is(
    stubbed: list[tuple[str, dict[str, Any]]],
    small_data_set: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = importlib.import_module("bench_gpu")
    file = tmp_path / "figures.json"
    words = ["--any-device", "--candidate", "baseline", "--batch-sizes", "64", "512", "--epochs", "2"]
    words += ["--schedules", "2", "3", "--target", "0.2", "--data", str(small_data_set), "--json", str(file)]
    assert module.main(module.parse_args(words)) == 0
    document = json.loads(file.read_text())
    first, second = document["speed"]
    assert (first["batch_size"], second["batch_size"]) == (64, 512)
    assert first["epochs_images_per_second"] == [900, 2700]
    assert first["images_per_second"] == first["epochs_images_per_second"][1]
    assert first["compile_seconds"] == 2
    assert document["plain_images_per_second"] == 1350
    # The first schedule that ends at the target; compiling is no part of its three seconds and one.
    assert document["accuracy"][0]["seconds"] == [{"target": 0.2, "train.py": 2.0, "plain": None}]
    said = capsys.readouterr().out
    assert "20.0% test accuracy, batch size 64" in said
    assert "Plain model.fit, batch size 64: 1,350 images/s." in said
    # train.py takes the flags that it is given.
    for kind, flags in stubbed:
        if kind == "train":
            given = {name: value for name, value in flags.items() if name not in ("candidate", "threads")}
            argv = sys.modules["trained"].words({**sys.modules["trained"].network_flags("baseline"), **given})
            read = parse_settings(argv, None, {}).hyperparameters
            assert (read.epochs, read.batch_size) == (int(flags["epochs"]), int(flags["batch-size"]))
            assert read.learning_rate == float(flags["learning-rate"])
