import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import monitor
from drift_baseline import Baseline, class_counts, digest_of
from drift_measures import measure
from job_failure import run_job
from tests.captured import capture_key, captured_lines

GROUP, ENDPOINT = "fashion", "local-fashion"
Sample = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]


def sample(count: int, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 180, (count, 28, 28)) + rng.integers(0, 70, (count, 1, 1))
    return pixels.astype(np.uint8), rng.dirichlet(np.full(10, 0.2), count).round(6)


class Monitored:
    """A registered model with a baseline, what its endpoint captured, and the job that compares the two."""

    def __init__(self, aws: Callable[[str], Any], folder: Path) -> None:
        self.s3, self.registry, self.folder = aws("s3"), aws("sagemaker"), folder
        self.registry.create_model_package_group(ModelPackageGroupName=GROUP)

    def register(self, *, digest: str | None = None, baseline: bool = True) -> None:
        pixels, answers = sample(2_000, 0)
        content = Baseline("cnn-0", "a" * 64, class_counts(answers), measure(pixels, answers)).to_bytes()
        self.s3.put_object(Bucket="bucket", Key="baseline.json", Body=content)
        statistics = {
            "ContentType": "application/json",
            "ContentDigest": digest or digest_of(content),
            "S3Uri": "s3://bucket/baseline.json",
        }
        more = {"DriftCheckBaselines": {"ModelDataQuality": {"Statistics": statistics}}} if baseline else {}
        self.registry.create_model_package(ModelPackageGroupName=GROUP, **more)

    def capture(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket="bucket", Key=key, Body=content)

    def run(self, **more: Any) -> int:
        flags = {
            "--capture": "s3://bucket/capture",
            "--endpoint": ENDPOINT,
            "--model-package-group": GROUP,
            "--region": "us-east-1",
            "--output": self.folder / "monitoring",
            "--exit-message": self.folder / "message",
            **{f"--{name.replace('_', '-')}": value for name, value in more.items()},
        }
        argv = [str(word) for flag in flags.items() for word in flag]
        return run_job(monitor.parse_args, monitor.main, argv)

    def output(self, name: str = "drift.json") -> Any:
        return json.loads((self.folder / "monitoring" / name).read_bytes(), parse_constant=lambda text: 1 / 0)

    def page(self) -> str:
        return (self.folder / "monitoring" / "report.html").read_text(encoding="utf-8")

    def message(self) -> str:
        return (self.folder / "message").read_text()


@pytest.fixture
def monitored(aws: Callable[[str], Any], tmp_path: Path) -> Monitored:
    return Monitored(aws, tmp_path)


def test_images_like_the_baselines_are_no_drift(monitored: Monitored) -> None:
    monitored.register()
    monitored.capture(capture_key(1, ENDPOINT), captured_lines(*sample(300, 1)))
    assert monitored.run() == 0
    found = monitored.output()
    assert (found["verdict"], found["images"], found["left_out"]) == ("no_drift", 300, {})
    assert (found["model_version"], found["model"], found["endpoint"]) == (1, "cnn-0", ENDPOINT)
    assert (found["first"], found["last"]) == ("2026-11-30T02:00:00Z", "2026-11-30T02:04:59Z")
    assert monitored.output("constraint_violations.json") == {"violations": []}
    statistics = monitored.output("statistics.json")
    assert statistics["dataset"] == {"item_count": 300}
    assert len(statistics["features"]) == 14
    classes = statistics["features"][-1]["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert sum(bucket["count"] for bucket in classes) == 300
    assert "No drift" in monitored.page()


def test_dark_images_are_told_with_what_has_changed_and_pictures(monitored: Monitored) -> None:
    monitored.register()
    pixels, answers = sample(300, 2)
    monitored.capture(capture_key(1, ENDPOINT), captured_lines(pixels // 2, answers))
    assert monitored.run() == 0, "drift is a result"
    found = monitored.output()
    assert found["verdict"] == "drift"
    assert found["reason"].startswith("Drift in 300 images, by its effect in: the images' ")
    assert monitored.message() == found["reason"], "the execution's reason, too"
    violations = monitored.output("constraint_violations.json")["violations"]
    assert {each["feature_name"] for each in violations} == {"pixel_mean", "pixel_deviation"}
    assert {each["constraint_check_type"] for each in violations} == {"baseline_drift_check"}
    page = monitored.page()
    assert page.count("data:image/png;base64,") == 24
    assert "✗ drifted" in page
    assert "<script" not in page


def test_what_is_not_the_models_own_is_left_out_and_counted(monitored: Monitored) -> None:
    monitored.register()
    monitored.register()
    now = datetime.now(UTC)
    good = captured_lines(*sample(100, 3))
    monitored.capture(capture_key(2, ENDPOINT, now), good + good.splitlines()[0] + b"\n" + good[:500])
    monitored.capture(capture_key(1, ENDPOINT, now), b"of another model\n")
    monitored.capture(capture_key(2, "elsewhere", now), b"of another endpoint\n")
    monitored.capture(capture_key(2, ENDPOINT, now - timedelta(hours=5)), b"of yesterday\n")
    monitored.capture("capture/README", b"of nobody\n")
    assert monitored.run(hours=3) == 0
    found = monitored.output()
    assert (found["verdict"], found["images"], found["model_version"]) == ("no_drift", 100, 2)
    assert found["left_out"] == {
        "files of other endpoints (elsewhere)": 1,
        "files from before the last 3 hours": 1,
        "files of other models than version 2": 1,
        "images that were sent before, and count once": 1,
        "lines that are no whole line of data capture": 1,
    }
    assert "of data capture" in monitored.page()


def test_an_endpoint_that_nobody_asked_is_not_judged(monitored: Monitored) -> None:
    monitored.capture(capture_key(1, "elsewhere"), captured_lines(*sample(3, 1)))
    assert monitored.run() == 0
    found = monitored.output()
    assert (found["verdict"], found["model_version"]) == ("too_few_images", None)
    assert found["left_out"] == {"files of other endpoints (elsewhere)": 1}
    assert monitored.output("statistics.json")["features"] == []
    assert "Not judged" in monitored.page()


def test_few_images_are_shown_and_not_judged(monitored: Monitored) -> None:
    monitored.register()
    monitored.capture(capture_key(1, ENDPOINT), captured_lines(*sample(20, 1)))
    assert monitored.run(model_version=1) == 0
    assert monitored.output()["verdict"] == "too_few_images"
    assert monitored.page().count("data:image/png;base64,") == 20


def test_a_folder_without_captured_lines_is_an_error_that_says_what_was_expected(
    monitored: Monitored,
) -> None:
    monitored.capture("capture/readme.txt", b"nothing")
    assert monitored.run() == 1
    assert monitored.message().startswith(
        "There are no captured lines below s3://bucket/capture: no file …/model-"
    )


def test_a_model_without_a_baseline_is_an_error_with_a_remedy(monitored: Monitored) -> None:
    monitored.register(baseline=False)
    monitored.capture(capture_key(1, ENDPOINT), captured_lines(*sample(60, 1)))
    assert monitored.run() == 1
    assert monitored.message() == (
        "Version 1 of fashion has no baseline: it was registered before evaluations left any. Run the training "
        "pipeline, and monitor the model that it registers."
    )


def test_a_model_that_is_not_registered_any_more_is_an_error(monitored: Monitored) -> None:
    monitored.register()
    monitored.capture(capture_key(9, ENDPOINT), captured_lines(*sample(60, 1)))
    assert monitored.run() == 1
    assert "Version 9, which answered, is not in the model package group fashion." in monitored.message()


def test_another_baseline_than_was_registered_is_refused(monitored: Monitored) -> None:
    monitored.register(digest=f"sha256:{'0' * 64}")
    monitored.capture(capture_key(1, ENDPOINT), captured_lines(*sample(60, 1)))
    assert monitored.run() == 1
    assert "is not the one that version 1 of fashion was registered with" in monitored.message()


@pytest.mark.parametrize(
    "more", [{"model_version": "0"}, {"model_version": "new"}, {"hours": "-1"}, {"endpoint": ""}]
)
def test_wrong_usage_ends_with_status_2(monitored: Monitored, more: dict[str, str]) -> None:
    assert monitored.run(**more) == 2
