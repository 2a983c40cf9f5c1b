"""What a compiled definition is going to train, and what earlier executions have trained."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.study.pace import earlier_pace
from pipeline.study.trainings import Training, trainings_done, trainings_of

CODE = "s3://bucket/code/training/code/0123456789abcdef/"


def channels(code: str) -> list[dict[str, Any]]:
    return [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": {"Get": "Steps.N.X"}}}},
        {"ChannelName": "code", "DataSource": {"S3DataSource": {"S3Uri": code}}},
    ]


def definition() -> str:
    hyperparameters = {
        "candidate": "cnn-3x3",
        "seed": "1",
        "batch-size": "64",
        "epochs": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Epochs"}]}},
        "learning-rate": {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.LearningRate"}]}},
    }
    return json.dumps(
        {
            "Parameters": [
                {"Name": "Epochs", "Type": "Integer", "DefaultValue": 12},
                {"Name": "LearningRate", "Type": "Float", "DefaultValue": 0.006},
            ],
            "Steps": [
                {"Name": "NormalizeData", "Type": "Processing", "Arguments": {}},
                {
                    "Name": "Train-cnn-3x3-1",
                    "Type": "Training",
                    "Arguments": {"HyperParameters": hyperparameters, "InputDataConfig": channels(CODE)},
                },
            ],
        }
    )


def done_step(seed: int = 0, seconds: float = 100.0, rate: float = 1000.0, batch: str = "64") -> StepRecord:
    hyperparameters = {
        "candidate": "cnn-3x3",
        "seed": str(seed),
        "epochs": "1",
        "learning-rate": "0.1",
        "batch-size": batch,
    }
    return StepRecord(
        f"Train-cnn-3x3-{seed}",
        "Training",
        "Succeeded",
        started_at=50.0,
        ended_at=50.0 + seconds,
        properties={
            "HyperParameters": hyperparameters,
            "InputDataConfig": channels(CODE),
            "FinalMetricDataList": [{"MetricName": "images_per_second", "Value": rate}],
        },
    )


def execution(*steps: StepRecord, parallel: int | None = 2, name: str = "earlier") -> ExecutionRecord:
    return ExecutionRecord(name, "fashion-mnist", "local", "Stopped", {}, 0.0, steps=steps, parallel=parallel)


def test_hyperparameters_are_as_the_job_will_get_them() -> None:
    (training,) = trainings_of(definition(), {"Epochs": 3})
    assert training.step == "Train-cnn-3x3-1"
    assert training.hyperparameters == {
        "candidate": "cnn-3x3", "seed": "1", "batch-size": "64", "epochs": "3", "learning-rate": "0.006",
    }  # fmt: skip
    assert (training.candidate, training.epochs, training.code) == ("cnn-3x3", 3, CODE)


def test_only_trainings_that_succeeded_are_done() -> None:
    stopped = replace(done_step(1), status="Stopped")
    other = StepRecord("NormalizeData", "Processing", "Succeeded")
    foreign = replace(done_step(2), properties={"HyperParameters": {"depth": "3"}})
    found = list(trainings_done([execution(done_step(), stopped, other, foreign)]))
    assert [training.step for _, _, training in found] == ["Train-cnn-3x3-0"]


def test_the_pace_is_that_of_the_newest_execution_with_as_many_jobs_at_once() -> None:
    (training,) = trainings_of(definition(), {})
    records = [
        execution(done_step(rate=9000.0), parallel=None, name="another-number-at-once"),
        execution(done_step(0, 80.0, 1000.0), done_step(1, 70.0, 2000.0), name="newest"),
        execution(done_step(rate=7.0), name="older"),
    ]
    pace = earlier_pace(training, records, 2, images=60_000)
    assert pace is not None
    assert pace.images_per_second == 1500.0
    assert pace.overhead == pytest.approx((20.0 + 40.0) / 2)  # 80 − 60,000/1000, 70 − 60,000/2000
    assert pace.source == "2 trainings of execution newest"
    assert pace.seconds(epochs=2, images=60_000) == pytest.approx(30.0 + 80.0)


@pytest.mark.parametrize(
    "step",
    [
        done_step(batch="128"),
        replace(done_step(), cached=True),
        replace(
            done_step(), properties={**done_step().properties, "InputDataConfig": channels("s3://b/old/")}
        ),
        replace(done_step(), properties={**done_step().properties, "FinalMetricDataList": []}),
    ],
    ids=["another batch size", "reused", "other code", "no pace told"],
)
def test_a_training_that_says_nothing_about_this_one_is_left_aside(step: StepRecord) -> None:
    (training,) = trainings_of(definition(), {})
    assert earlier_pace(training, [execution(step)], 2, 60_000) is None


def test_seed_epochs_and_learning_rate_do_not_change_the_pace() -> None:
    one = Training("a", {"candidate": "x", "seed": "0", "epochs": "1", "learning-rate": "1"}, CODE)
    two = Training("b", {"candidate": "x", "seed": "4", "epochs": "9", "learning-rate": "2"}, CODE)
    assert one.is_as_fast_as(two)
    assert not one.is_as_fast_as(replace(two, code="other"))


def with_search(trials: int = 2) -> str:
    """A search, and a training with what it found."""
    best = "Steps.Tune-cnn-3x3.BestTrainingJob.TunedHyperParameters"
    archive = "s3://b/code/training/archive/sha256-0/sourcedir.tar.gz"
    own = {"candidate": "cnn-3x3", "epochs": "3", "seed": "1000"}
    steps = [
        {
            "Name": "Tune-cnn-3x3",
            "Type": "Tuning",
            "Arguments": {
                "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": trials}},
                "TrainingJobDefinition": {
                    "StaticHyperParameters": {
                        **own,
                        "sagemaker_program": "train.py",
                        "sagemaker_submit_directory": archive,
                    },
                    "InputDataConfig": [],
                },
            },
        },
        {
            "Name": "Train-cnn-3x3-0",
            "Type": "Training",
            "Arguments": {
                "HyperParameters": {**own, "seed": "0", "learning-rate": {"Get": f"{best}['learning-rate']"}},
                "InputDataConfig": channels(CODE),
            },
        },
    ]
    parameters = [
        {"Name": name, "DefaultValue": value} for name, value in (("LearningRate", 0.006), ("BatchSize", 128))
    ]
    return json.dumps({"Parameters": parameters, "Steps": steps})


def test_the_trials_of_a_search_are_trainings_with_the_settings_that_are_expected() -> None:
    first, second, training = trainings_of(with_search(), {})
    assert [first.step, second.step, training.step] == [
        "Tune-cnn-3x3-001",
        "Tune-cnn-3x3-002",
        "Train-cnn-3x3-0",
    ]
    expected = {"learning-rate": "0.006", "batch-size": "128", "label-smoothing": "0.1"}
    assert first.hyperparameters == {"candidate": "cnn-3x3", "epochs": "3", "seed": "1000", **expected}
    assert first.code.endswith("sourcedir.tar.gz")
    assert (training.hyperparameters["learning-rate"], training.tuned) == (
        "0.006",
        frozenset({"learning-rate"}),
    )


def test_a_trial_is_done_whatever_its_search_chose_and_a_training_only_as_it_is() -> None:
    first, second, _ = trainings_of(with_search(), {})
    request = {
        **first.hyperparameters,
        "learning-rate": "0.0123",
        "_tuning_objective_metric": "validation_accuracy",
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": first.code,
    }
    step = StepRecord("Tune-cnn-3x3-001", "Training", "Succeeded", properties={"HyperParameters": request})
    ((_, _, done),) = trainings_done([execution(step)])
    assert first.is_done_by(done)
    assert not second.is_done_by(done)
    assert not replace(first, tuned=frozenset()).is_done_by(done)
    assert first.is_as_fast_as(done)
