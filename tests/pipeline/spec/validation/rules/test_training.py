from collections.abc import Callable
from typing import Any

import pytest

ALGORITHM = "Train.Arguments.AlgorithmSpecification"
METRICS = f"{ALGORITHM}.MetricDefinitions"
LIMITS = "Train.Arguments.StoppingCondition"
CHANNELS = "Train.Arguments.InputDataConfig"
OTHER = {
    "ChannelName": "validation",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://a-bucket/validation/"}},
}
SPOT = {
    "Train.Arguments.EnableManagedSpotTraining": True,
    f"{LIMITS}.MaxWaitTimeInSeconds": 3601,
    "Train.Arguments.CheckpointConfig": {"S3Uri": "s3://a-bucket/checkpoints"},
}
TWO_METRICS = {METRICS: [{"Name": "a", "Regex": "a=(.*)"}, {"Name": "b", "Regex": "b=([0-9.]+)"}]}

CASES: list[tuple[Any, ...]] = [
    ("channel-names-are-unique", {f"{CHANNELS}[+]": OTHER}, {f"{CHANNELS}[1].ChannelName": "train"}, ""),
    ("training-has-one-algorithm", {}, {f"{ALGORITHM}.TrainingImage": ...}, ALGORITHM),
    ("training-has-one-algorithm", {}, {f"{ALGORITHM}.AlgorithmName": "xgboost"}, ALGORITHM),
    ("spot-needs-max-wait", SPOT, {f"{LIMITS}.MaxWaitTimeInSeconds": 3600}, ""),
    ("spot-needs-max-wait", SPOT, {f"{LIMITS}.MaxWaitTimeInSeconds": ...}, ""),
    (
        "max-wait-needs-spot",
        SPOT,
        {"Train.Arguments.EnableManagedSpotTraining": False},
        f"{LIMITS}.MaxWaitTimeInSeconds",
    ),
    ("spot-needs-checkpoints", SPOT, {"Train.Arguments.CheckpointConfig": ...}, ""),
    ("spot-has-no-warm-pool", SPOT, {"Train.Arguments.ResourceConfig.KeepAlivePeriodInSeconds": 600}, ""),
    (
        "training-ends-within-28-days",
        {f"{LIMITS}.MaxRuntimeInSeconds": 2_419_200},
        {f"{LIMITS}.MaxRuntimeInSeconds": 2_419_201},
        "",
    ),
    ("metrics-capture-a-value", TWO_METRICS, {f"{METRICS}[1].Regex": "b=[0-9.]+"}, ""),
    ("metrics-capture-a-value", TWO_METRICS, {f"{METRICS}[1].Regex": "b=([0-9.]+"}, ""),
    ("metrics-capture-a-value", TWO_METRICS, {f"{METRICS}[1].Name": "a"}, ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
