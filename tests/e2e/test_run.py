"""One run of the whole pipeline on a small data set: what it says, what it leaves behind, what stays inside."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.e2e.command import check_refusal, executions, registered, run
from tests.e2e.conftest import Run
from tests.trap import REAL_KEY

pytestmark = pytest.mark.e2e

STEPS = {
    "NormalizeData": ("Processing", "Succeeded"),
    "Train-baseline-0": ("Training", "Succeeded"),
    "Train-cnn-3x3-0": ("Training", "Succeeded"),
    "Evaluate": ("Processing", "Succeeded"),
    "QualityGate": ("Condition", "Succeeded"),
    "GateMissed": ("Fail", "Skipped"),
}


def test_the_result_keeps_its_contract(first_run: Run) -> None:
    result = first_run.result
    assert set(result) == {
        "execution_id", "status", "failure_reason", "steps", "candidates", "winner", "gate",
        "model_package_arn", "report",
    }  # fmt: skip
    assert (result["status"], result["failure_reason"]) == ("Succeeded", None)
    assert {step["name"]: (step["type"], step["status"]) for step in result["steps"]} == STEPS
    for step in result["steps"]:
        assert set(step) == {"name", "type", "status", "seconds", "cached"}
        assert step["cached"] is False
        assert (step["seconds"] is None) == (step["status"] == "Skipped")
    assert [(each["name"], each["seed"]) for each in result["candidates"]] == [
        ("baseline", 0),
        ("cnn-3x3", 0),
    ]
    for each in result["candidates"]:
        assert set(each) == {
            "name", "seed", "params", "train_accuracy", "validation_accuracy", "test_accuracy",
            "images_per_second", "train_seconds",
        }  # fmt: skip
        assert all(0.3 < each[f"{split}_accuracy"] <= 1 for split in ("train", "validation", "test"))
        assert each["images_per_second"] > 0
        assert each["train_seconds"] > 0
    best = max(result["candidates"], key=lambda each: each["validation_accuracy"])
    assert result["winner"] == best["name"]
    assert result["gate"]["passed"] is True
    assert "at least the required 0.5" in result["gate"]["reason"]
    assert result["model_package_arn"].endswith(":model-package/fashion-mnist/1")


def test_the_terminal_shows_progress_beside_and_the_result_on_standard_output(first_run: Run) -> None:
    out, err = first_run.finished.out, first_run.finished.err
    for name in STEPS:
        assert name in err
    assert re.search(r"Train-baseline-0: epoch 1 of 1, training accuracy [\d.]+ %", err)
    assert "Local values: " not in out
    for text in ("baseline-0", "cnn-3x3-0", "Version 1 of fashion-mnist is registered", first_run.id):
        assert text in out
    assert "\x1b" not in out + err, "no colours where nobody looks"
    assert "Warning" not in err
    assert "WARNING" not in err


def test_nothing_reached_the_accounts_and_proxies_that_the_user_had_set(first_run: Run) -> None:
    assert first_run.received == []
    assert first_run.programs == []


def test_no_credentials_of_the_user_are_kept(first_run: Run) -> None:
    secrets = (REAL_KEY.encode(), b"wJalrXUtnFEMI/K7MDENG", b"a-real-session-token")
    kept = [path for path in first_run.home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(kept) > 10
    assert [path for path in kept if any(secret in path.read_bytes() for secret in secrets)] == []


def test_training_steps_overlap_in_time(first_run: Run) -> None:
    one, two = (first_run.record.step(name) for name in ("Train-baseline-0", "Train-cnn-3x3-0"))
    assert one.started_at is not None
    assert two.started_at is not None
    assert one.ended_at is not None
    assert two.ended_at is not None
    assert max(one.started_at, two.started_at) < min(one.ended_at, two.ended_at) - 1


def test_no_process_is_left(first_run: Run) -> None:
    assert first_run.left == []


def test_no_temporary_file_and_no_container_is_left(first_run: Run) -> None:
    assert list((first_run.home / "tmp").iterdir()) == []
    assert list(first_run.home.rglob("container")) == []


def test_the_execution_is_listed_and_shown(first_run: Run) -> None:
    listed = executions(first_run.home)
    assert [(each["execution_id"], each["status"]) for each in listed] == [(first_run.id, "Succeeded")]
    assert run(first_run.home, "show", first_run.id[:4], "--json").json() == first_run.result
    shown = run(first_run.home, "show").out
    for text in (first_run.id, *STEPS, "MinAccuracy = 0.5", "InputDataUri = s3://"):
        assert text in shown


def test_the_logs_are_kept(first_run: Run) -> None:
    assert "data digest: " in run(first_run.home, "logs", first_run.id, "NormalizeData").out
    log = run(first_run.home, "logs", first_run.id, "Train-cnn-3x3-0").out
    assert re.search(r"^epoch=1/1 train_loss=[\d.]+ ", log, re.MULTILINE)
    assert "Scored cnn-3x3-0" in run(first_run.home, "logs", first_run.id, "Evaluate").out
    check_refusal(run(first_run.home, "logs", first_run.id, "QualityGate"), 2, "it ran no job")


def test_the_report_is_one_file_that_needs_no_other(first_run: Run) -> None:
    class References(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
            self.found += [tag] if tag in ("script", "iframe", "object", "embed") else []

    report = Path(first_run.result["report"])
    page = report.read_text()
    references = References()
    references.feed(page)
    assert [each for each in references.found if not each.startswith(("#", "data:"))] == []
    assert "@import" not in page
    assert re.findall(r"url\((?!\s*['\"]?(?:#|data:))", page) == []
    for text in ("cnn-3x3", "baseline", first_run.id, "<svg"):
        assert text in page


def test_the_report_can_be_built_again(later_home: Path, first_run: Run) -> None:
    report = later_home / "executions" / first_run.id / "report.html"
    before = report.read_text()
    report.unlink()
    assert run(later_home, "report").out.strip() == str(report)
    assert report.read_text() == before


def test_the_model_is_registered_with_what_it_was_made_of(first_run: Run) -> None:
    (package,) = registered(first_run.home)
    best = next(each for each in first_run.result["candidates"] if each["name"] == first_run.result["winner"])
    assert package["version"] == 1
    assert package["model_approval_status"] == "PendingManualApproval"
    assert package["model_data_url"].endswith("/output/model.tar.gz")
    metadata = package["metadata"]
    assert metadata["candidate"] == best["name"]
    assert float(metadata["test_accuracy"]) == pytest.approx(best["test_accuracy"], abs=1e-6)
    assert metadata["execution_id"] == first_run.id
    assert all(re.fullmatch("[0-9a-f]{64}", metadata[name]) for name in ("code_digest", "data_digest"))


def test_approving_and_rejecting_are_remembered(later_home: Path) -> None:
    (before,) = registered(later_home)
    for action, status in (("approve", "Approved"), ("reject", "Rejected")):
        assert status.lower() in run(later_home, "registry", action, "1").out
        assert registered(later_home) == [{**before, "model_approval_status": status}]


def test_a_version_that_is_not_there_is_told(first_run: Run) -> None:
    check_refusal(run(first_run.home, "registry", "approve", "2"), 2, "has no version 2, only 1")


def test_the_jobs_requests_are_kept_as_they_were_sent(first_run: Run) -> None:
    requests = sorted((first_run.home / "executions" / first_run.id / "steps").glob("*/request.json"))
    assert len(requests) == 4
    train = json.loads((requests[-1]).read_text())
    assert train["HyperParameters"]["epochs"] == "1"
