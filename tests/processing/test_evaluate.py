import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluate
import normalize
from drift_baseline import parse_baseline
from job_failure import run_job
from scoring import score
from stratify import seeded_order

GOOD, WEAK, NONE = 1.0, 0.01, 0.0  # how much a model looks at the bands; GOOD ones make no mistake
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu"
Make = Callable[..., bytes]


class Evaluation:
    """Puts artifacts into the local S3 and runs evaluate.py's main on them."""

    def __init__(self, aws: Callable[[str], Any], folder: Path, processed: Path, make_artifact: Make) -> None:
        self.s3 = aws("s3")
        self.registry = aws("sagemaker")
        self.folder = folder
        self.processed = processed
        self.make_artifact = make_artifact
        self.references: list[str] = []

    def train(self, name: str, seed: int = 0, **options: Any) -> None:
        key = f"jobs/{name}-{seed}/output/model.tar.gz"
        self.s3.put_object(Bucket="bucket", Key=key, Body=self.make_artifact(name, seed, **options))
        self.references.append(f"{name}-{seed}=s3://bucket/{key}")

    def argv(
        self,
        execution: str = "execution-1",
        min_accuracy: float = 0.8,
        champion: str = "none",
        must_beat: str = "false",
    ) -> list[str]:
        uri = f"s3://bucket/fashion/executions/{execution}/evaluation"
        outputs = [{"OutputName": "evaluation", "S3Output": {"S3Uri": uri, "LocalPath": "/opt/ml"}}]
        config = self.folder / "processingjobconfig.json"
        config.write_text(json.dumps({"ProcessingOutputConfig": {"Outputs": outputs}}))
        flags = {
            "--processed": self.processed,
            "--output": self.folder / "evaluation",
            "--min-accuracy": min_accuracy,
            "--model-package-group": "fashion",
            "--approval-status": "PendingManualApproval",
            "--inference-image": IMAGE,
            "--job-config": config,
            "--exit-message": self.folder / "message",
            "--region": "us-east-1",
            "--threads": 1,
            "--champion": champion,
            "--must-beat-champion": must_beat,
        }
        argv = [str(word) for flag in flags.items() for word in flag]
        return argv + [word for reference in self.references for word in ("--candidate", reference)]

    def run(self, **options: Any) -> int:
        return run_job(evaluate.parse_args, evaluate.main, self.argv(**options))

    def output(self, name: str = "evaluation.json") -> Any:
        return json.loads((self.folder / "evaluation" / name).read_bytes(), parse_constant=lambda text: 1 / 0)

    def message(self) -> str:
        return (self.folder / "message").read_text()

    def packages(self) -> list[Any]:
        pages = self.registry.get_paginator("list_model_packages").paginate(ModelPackageGroupName="fashion")
        return [
            self.registry.describe_model_package(ModelPackageName=one["ModelPackageArn"])
            for page in pages
            for one in page["ModelPackageSummaryList"]
        ]


@pytest.fixture
def evaluation(
    aws: Callable[[str], Any], tmp_path: Path, synthetic_processed: Path, make_artifact: Make
) -> Evaluation:
    return Evaluation(aws, tmp_path, synthetic_processed, make_artifact)


def test_the_best_candidate_is_reported_and_registered(
    evaluation: Evaluation, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation.train("baseline", strength=NONE, params=100)
    evaluation.train("cnn-3x3", seed=4, strength=GOOD)
    assert evaluation.run() == 0

    document = evaluation.output()
    assert document["schema_version"] == 1
    assert document["gate"] == {
        "verdict": "passed",
        "passed": True,
        "reason": "cnn-3x3-4 reaches a test accuracy of 1.0000, at least the required 0.8.",
        "min_accuracy": 0.8,
        "champion": {"required": False, "passed": None, "reason": "There is no champion to compare with."},
    }
    assert document["selection"] == {"metric": "validation_accuracy", "tie_break": ["params", "name", "seed"]}
    assert [one["id"] for one in document["candidates"]] == ["baseline-0", "cnn-3x3-4"]
    baseline, cnn = document["candidates"]
    assert (cnn["train_accuracy"], cnn["validation_accuracy"], cnn["test_accuracy"]) == (1, 1, 1)
    assert baseline["test_accuracy"] == pytest.approx(0.1)
    assert baseline["test_loss"] == pytest.approx(np.log(10), abs=1e-5)
    assert cnn["artifact_uri"] == "s3://bucket/jobs/cnn-3x3-4/output/model.tar.gz"
    assert (cnn["epochs"], cnn["train_seconds"], cnn["images_per_second"]) == (1, 2.5, 2050.0)
    assert cnn["forward_flops"] == 15_680
    assert cnn["hyperparameters"] == {"epochs": "1"}
    assert cnn["history"][0]["train_loss"] == 0.5
    assert np.trace(cnn["test"]["confusion_matrix"]) == 60
    assert [one["support"] for one in cnn["validation"]["per_class"]] == [2] * 10
    assert document["winner"]["id"] == "cnn-3x3-4"
    assert document["winner"]["artifact_sha256"] == cnn["artifact_sha256"]
    assert document["data"]["splits"]["train"] == {"count": 220, "class_counts": [22] * 10}
    assert document["multiclass_classification_metrics"]["accuracy"] == {
        "value": 1.0,
        "standard_deviation": 0.0,
    }
    assert document["multiclass_classification_metrics"]["confusion_matrix"]["Bag"]["Bag"] == 6
    assert document["data"]["scored_training_images"] == 220
    assert document["champion"] is None

    (package,) = evaluation.packages()
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = package["InferenceSpecification"]["Containers"]
    assert (container["Image"], container["ModelDataUrl"]) == (IMAGE, cnn["artifact_uri"])
    metadata = package["CustomerMetadataProperties"]
    assert (
        metadata.items()
        >= {
            "candidate": "cnn-3x3",
            "seed": "4",
            "params": "7850",
            "test_accuracy": "1.000000",
            "execution_id": "execution-1",
            "code_digest": "c" * 64,
            "data_digest": document["data"]["data_digest"],
            "report": "s3://bucket/fashion/executions/execution-1/evaluation/report.html",
        }.items()
    )
    (statistics,) = package["DriftCheckBaselines"]["ModelDataQuality"].values()
    baseline = (evaluation.folder / "evaluation" / "baseline.json").read_bytes()
    assert statistics == package["ModelMetrics"]["ModelDataQuality"]["Statistics"]
    assert statistics["ContentDigest"] == f"sha256:{hashlib.sha256(baseline).hexdigest()}"
    key = statistics["S3Uri"].removeprefix("s3://bucket/")
    assert evaluation.s3.get_object(Bucket="bucket", Key=key)["Body"].read() == baseline
    found = parse_baseline(baseline, "baseline.json")
    assert (found.model, found.artifact_sha256) == ("cnn-3x3-4", cnn["artifact_sha256"])
    assert found.class_counts.tolist() == [2] * 10, (
        "all of the validation split, in the classes of its answers"
    )
    assert evaluation.output("registration.json") == {
        "model_package_arn": package["ModelPackageArn"],
        "version": 1,
        "registered": True,
        "reason": "Version 1 of fashion is registered, PendingManualApproval.",
    }
    log = capsys.readouterr().out
    assert "* cnn-3x3-4" in log
    assert log.index("* cnn-3x3-4") < log.index("  baseline-0")


def test_the_metrics_that_the_package_points_to_exist(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3")
    evaluation.run()
    (package,) = evaluation.packages()
    statistics = package["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert statistics["S3Uri"] == "s3://bucket/fashion/executions/execution-1/evaluation/evaluation.json"
    key = statistics["S3Uri"].removeprefix("s3://bucket/")
    stored = evaluation.s3.get_object(Bucket="bucket", Key=key)["Body"].read()
    assert stored == (evaluation.folder / "evaluation" / "evaluation.json").read_bytes()


def test_the_predictions_give_the_reported_scores(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3", strength=WEAK)
    evaluation.train("cnn-5x5", seed=1)
    evaluation.run()
    with np.load(evaluation.folder / "evaluation" / "predictions.npz", allow_pickle=False) as arrays:
        assert len(arrays.files) == 8
        for candidate in evaluation.output()["candidates"]:
            correct = arrays[f"correct_{candidate['id']}_train"]
            assert (correct.dtype, correct.shape) == (np.dtype(bool), (220,))
            assert correct.mean() == candidate["train_accuracy"]
            for split in ("validation", "test"):
                probabilities = arrays[f"probabilities_{candidate['id']}_{split}"]
                assert probabilities.dtype == np.float32
                scores = score(arrays[f"labels_{split}"], probabilities)
                assert scores.accuracy == candidate[f"{split}_accuracy"]
                assert scores.loss == candidate[f"{split}_loss"]
                assert scores.confusion_matrix.tolist() == candidate[split]["confusion_matrix"]


def test_the_gallery_shows_what_the_models_get_wrong(evaluation: Evaluation) -> None:
    evaluation.train("baseline", strength=NONE)
    evaluation.train("cnn-3x3")
    evaluation.run()
    folder = evaluation.folder / "evaluation"
    test = np.load(evaluation.processed / "test" / "labels.npy")
    with np.load(folder / "gallery.npz", allow_pickle=False) as gallery:
        wrong = np.flatnonzero(test != 0)  # the baseline takes every image for the first class
        assert set(wrong) <= set(gallery["indices_test"].tolist())
        assert gallery["pixels_test"].shape == (len(gallery["indices_test"]), 28, 28)
        brightest = gallery["pixels_test"].mean(axis=2).argmax(axis=1) // 2
        assert (brightest == test[gallery["indices_test"]]).all()


def test_a_missed_gate_is_a_result_and_registers_nothing(evaluation: Evaluation) -> None:
    evaluation.train("baseline", strength=NONE)
    assert evaluation.run(min_accuracy=0.9) == 0
    assert evaluation.output()["gate"]["verdict"] == "missed"
    registration = evaluation.output("registration.json")
    assert (registration["model_package_arn"], registration["version"]) == (None, None)
    assert registration["registered"] is False
    assert "less than the required 0.9" in registration["reason"]
    assert evaluation.registry.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_retried_evaluation_never_makes_a_second_version_but_another_execution_does(
    evaluation: Evaluation,
) -> None:
    evaluation.train("cnn-3x3")
    for execution, version in (
        ("execution-1", 1),
        ("execution-1", 1),
        ("execution-2", 2),
        ("execution-1", 1),
    ):
        assert evaluation.run(execution=execution) == 0
        assert evaluation.output("registration.json")["version"] == version
        assert evaluation.output("registration.json")["registered"] is True
    assert len(evaluation.packages()) == 2


def test_candidates_with_equal_scores_are_told_apart_by_size_then_name(evaluation: Evaluation) -> None:
    evaluation.train("cnn-5x5", params=900)
    evaluation.train("cnn-3x3", params=300, seed=1)
    evaluation.train("cnn-1x1", params=300, seed=2)
    evaluation.run()
    assert evaluation.output()["winner"]["id"] == "cnn-1x1-2"


def test_a_model_trained_on_other_data_stops_the_evaluation_by_name(evaluation: Evaluation) -> None:
    def other_data(files: dict[str, bytes]) -> None:
        files["environment.json"] = json.dumps({"code_digest": "c", "data_digest": "d" * 64}).encode()

    evaluation.train("cnn-3x3")
    evaluation.train("cnn-5x5", change=other_data)
    assert evaluation.run() == 1
    assert evaluation.message().startswith(
        "Could not load the model of cnn-5x5-0 from s3://bucket/jobs/cnn-5x5-0/"
    )
    assert not (evaluation.folder / "evaluation").exists()


def test_probabilities_that_are_no_numbers_stop_the_evaluation_by_name(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3")
    evaluation.train("cnn-5x5", strength=float("nan"))
    assert evaluation.run() == 1
    assert evaluation.message().startswith("Scoring cnn-5x5-0: its probabilities are NaN or infinite.")
    assert evaluation.registry.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_the_champion_is_scored_on_the_same_images(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3", strength=WEAK)
    evaluation.run()
    (champion,) = evaluation.packages()
    first = evaluation.output()["candidates"][0]
    evaluation.references.clear()
    evaluation.train("cnn-5x5")
    assert evaluation.run(execution="execution-2", champion=champion["ModelPackageArn"]) == 0
    found = evaluation.output()["champion"]
    assert (found["arn"], found["id"]) == (champion["ModelPackageArn"], "cnn-3x3-0")
    assert found["data_digest"] == evaluation.output()["data"]["data_digest"]
    for split in ("train", "validation", "test"):
        assert found[f"{split}_accuracy"] == first[f"{split}_accuracy"]


def test_an_artifact_of_older_code_has_no_flops_and_is_evaluated(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3", forward_flops=None)
    assert evaluation.run() == 0
    assert evaluation.output()["candidates"][0]["forward_flops"] is None


def champion_then_challenger(
    evaluation: Evaluation, champion_strength: float, challenger_strength: float
) -> str:
    """Registers a champion, then has one challenger trained; returns the champion's ARN."""
    evaluation.train("cnn-3x3", strength=champion_strength)
    assert evaluation.run(min_accuracy=0) == 0
    evaluation.references.clear()
    evaluation.train("cnn-5x5", seed=2, strength=challenger_strength)
    (champion,) = evaluation.packages()
    return str(champion["ModelPackageArn"])


def test_the_challenger_is_compared_with_the_champion_image_by_image(evaluation: Evaluation) -> None:
    arn = champion_then_challenger(evaluation, NONE, GOOD)
    assert evaluation.run(execution="execution-2", champion=arn) == 0
    document = evaluation.output()
    comparison = document["champion"]["comparison"]
    with np.load(evaluation.folder / "evaluation" / "predictions.npz", allow_pickle=False) as arrays:
        labels = arrays["labels_test"]
        challenger = arrays["probabilities_cnn-5x5-2_test"].argmax(axis=1) == labels
        champion = arrays["probabilities_champion_test"].argmax(axis=1) == labels
    assert champion.mean() == document["champion"]["test_accuracy"]
    counts = (int((challenger & ~champion).sum()), int((~challenger & champion).sum()))
    assert counts == (54, 0)
    assert comparison == {
        "challenger": "cnn-5x5-2",
        "images": 60,
        "challenger_only": 54,
        "champion_only": 0,
        "difference": 0.9,
        "p_value": 2 / 2**54,
        "test": "McNemar, exact, two-sided",
        "alpha": 0.05,
        "significantly_worse": False,
    }
    _, package = sorted(evaluation.packages(), key=lambda one: one["ModelPackageVersion"])
    assert (
        package["CustomerMetadataProperties"].items()
        >= {
            "champion": arn,
            "champion_scored": "true",
            "champion_test_accuracy": "0.100000",
            "champion_difference": "+0.900000",
            "champion_p_value": "1.11e-16",
            "champion_only_right": "0",
            "challenger_only_right": "54",
        }.items()
    )


@pytest.mark.parametrize(("must_beat", "verdict"), [("true", "missed"), ("false", "passed")])
def test_a_significantly_worse_challenger_misses_the_gate_if_it_must_beat_the_champion(
    evaluation: Evaluation, must_beat: str, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = champion_then_challenger(evaluation, GOOD, NONE)
    assert evaluation.run(execution="execution-2", champion=arn, must_beat=must_beat, min_accuracy=0.05) == 0
    gate = evaluation.output()["gate"]
    assert gate["verdict"] == verdict
    worse = "cnn-5x5-2 is significantly worse than the champion cnn-3x3-0 on the same 60 test images"
    assert gate["champion"]["passed"] is False
    assert gate["champion"]["required"] is (must_beat == "true")
    assert gate["champion"]["reason"].startswith(worse)
    assert (worse in gate["reason"]) is (must_beat == "true")
    assert evaluation.output("registration.json")["registered"] is (verdict == "passed")
    assert worse in capsys.readouterr().out


def test_the_champion_itself_as_challenger_passes(evaluation: Evaluation) -> None:
    arn = champion_then_challenger(evaluation, GOOD, GOOD)
    assert evaluation.run(execution="execution-2", champion=arn, must_beat="true") == 0
    assert evaluation.output()["champion"]["comparison"]["p_value"] == 1
    assert evaluation.output()["gate"]["verdict"] == "passed"


@pytest.mark.parametrize("must_beat", ["true", "false"])
def test_a_champion_that_breaks_when_it_is_called_is_reported_and_not_fatal(
    evaluation: Evaluation, must_beat: str
) -> None:
    """As one would that another TensorFlow saved."""
    evaluation.train("cnn-3x3")
    evaluation.run()
    (champion,) = evaluation.packages()
    broken = evaluation.make_artifact("cnn-3x3", 0, kind="breaks")
    evaluation.s3.put_object(Bucket="bucket", Key="jobs/cnn-3x3-0/output/model.tar.gz", Body=broken)
    evaluation.references.clear()
    evaluation.train("cnn-5x5")
    arn = champion["ModelPackageArn"]
    assert evaluation.run(execution="execution-2", champion=arn, must_beat=must_beat) == 0
    assert "it breaks when it is called" in evaluation.output()["champion"]["error"]
    gate = evaluation.output()["gate"]
    assert gate["verdict"] == "passed"
    assert gate["champion"]["passed"] is None
    assert (f"The champion {arn} could not be scored" in gate["reason"]) is (must_beat == "true")
    metadata = [one["CustomerMetadataProperties"] for one in evaluation.packages()]
    assert [one.get("champion_scored") for one in metadata].count("false") == 1


def test_a_champion_that_cannot_be_read_is_reported_and_not_fatal(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3")
    evaluation.run()
    (champion,) = evaluation.packages()
    arn = champion["ModelPackageArn"]
    evaluation.s3.delete_object(Bucket="bucket", Key="jobs/cnn-3x3-0/output/model.tar.gz")
    evaluation.references.clear()
    evaluation.train("cnn-5x5")

    assert evaluation.run(execution="execution-2", champion=arn) == 0
    assert evaluation.output()["champion"]["arn"] == arn
    assert (
        "Could not download s3://bucket/jobs/cnn-3x3-0/output/model.tar.gz"
        in evaluation.output()["champion"]["error"]
    )

    evaluation.registry.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"a": "b"})
    assert evaluation.run(execution="execution-3", champion=arn, must_beat="true") == 0
    assert "a package that this pipeline registered" in evaluation.output()["champion"]["error"]

    absent = arn.rsplit("/", 1)[0] + "/99"
    assert evaluation.run(execution="execution-4", champion=absent) == 0
    assert set(evaluation.output()["champion"]) == {"arn", "error"}
    assert evaluation.output("registration.json")["registered"] is True


def test_the_training_accuracy_comes_from_a_fixed_sample(
    tmp_path: Path, write_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from candidate_evaluation import raw_splits
    from processed_data import open_processed

    monkeypatch.setattr("candidate_evaluation.TRAIN_SAMPLE", 50)
    normalize.main(
        normalize.parse_args(
            ["--input", str(write_set(tmp_path / "raw")), "--output", str(tmp_path / "processed")]
        )
    )
    data = open_processed(tmp_path / "processed")
    chosen = np.sort(seeded_order(220, 0)[:50])
    sample = raw_splits(data)["train"]
    np.testing.assert_array_equal(sample.labels, data.splits["train"].labels[chosen])
    restored = data.manifest.normalization.restore(data.splits["train"].images[chosen])
    np.testing.assert_array_equal(sample.pixels, restored[..., 0])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--min-accuracy", "1.5"],
            "argument --min-accuracy: must be a number from 0 to 1, not '1.5'",
        ),
        (
            ["--min-accuracy", "nan"],
            "argument --min-accuracy: must be a number from 0 to 1, not 'nan'",
        ),
        (
            ["--candidate", "cnn"],
            "argument --candidate: must be <name>-<seed>=s3://bucket/key, not 'cnn'",
        ),
        (["--candidate", "cnn-0=s3://b/k"], "argument --candidate: each training may be given only once"),
        (["--approval-status", "Yes"], "argument --approval-status: invalid choice: 'Yes'"),
        (["--model-package-group", ""], "argument --model-package-group: must not be empty"),
        (["--must-beat-champion", "yes"], "argument --must-beat-champion: invalid choice: 'yes'"),
        (["--threads", "0"], "argument --threads: must be a whole number of at least 1"),
    ],
)
def test_wrong_usage_is_status_2(evaluation: Evaluation, flags: list[str], message: str) -> None:
    evaluation.references = ["cnn-0=s3://bucket/key"]
    assert run_job(evaluate.parse_args, evaluate.main, [*evaluation.argv(), *flags]) == 2
    assert message in evaluation.message()


def test_the_threads_are_this_jobs_share_of_the_cores(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation.references = ["cnn-0=s3://bucket/key"]
    argv = evaluation.argv()
    place = argv.index("--threads")
    del argv[place : place + 2]
    monkeypatch.setenv("SM_NUM_CPUS", "3")
    assert evaluate.parse_args(argv).threads == 3
    monkeypatch.delenv("SM_NUM_CPUS")
    assert evaluate.parse_args(argv).threads >= 1


def test_the_script_runs_as_the_container_runs_it(evaluation: Evaluation) -> None:
    evaluation.train("cnn-3x3")
    command = [sys.executable, evaluate.__file__, *evaluation.argv()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Version 1 of fashion is registered" in done.stdout

    copy = shutil.copytree(evaluation.processed, evaluation.folder / "copy")
    (copy / "test" / "labels.npy").write_bytes(b"damaged")
    done = subprocess.run([*command, "--processed", str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "test/labels.npy" in evaluation.message()
