from collections.abc import Callable
from typing import Any

import pytest

CACHE = {"Enabled": True, "ExpireAfter": "P30D"}
EXECUTION = {"Get": "Execution.PipelineExecutionId"}
START = {"Get": "Execution.StartDateTime"}
CHECKPOINT = "Train.Arguments.CheckpointConfig.S3Uri"
WORDS = "Evaluate.Arguments.AppSpecification.ContainerArguments"
OUTPUT = "Prepare.Arguments.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"

CASES: list[tuple[Any, ...]] = [
    *(
        (
            "cache-key-has-no-execution-id",
            {"Train.CacheConfig": CACHE},
            {f"Train.Arguments.{where}": EXECUTION},
            "",
        )
        for where in (
            "HyperParameters.id",
            "Environment.ID",
            "InputDataConfig[0].DataSource.S3DataSource.S3Uri",
        )
    ),
    (
        "cache-key-has-no-execution-id",
        {"Train.CacheConfig": CACHE, CHECKPOINT: "s3://a-bucket/checkpoints"},
        {CHECKPOINT: {"Std:Join": {"On": "/", "Values": ["s3://a-bucket", EXECUTION]}}},
        f"{CHECKPOINT}.Std:Join.Values[1]",
    ),
    (
        "cache-key-has-no-execution-id",
        {"Evaluate.CacheConfig": CACHE},
        {f"{WORDS}[+]": {"Std:Join": {"On": "=", "Values": ["--at", START]}}},
        f"{WORDS}[2].Std:Join.Values[1]",
    ),
    (
        "cached-outputs-carry-the-execution-id",
        {"Prepare.CacheConfig": CACHE},
        {OUTPUT: "s3://a-bucket/latest"},
        "",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
