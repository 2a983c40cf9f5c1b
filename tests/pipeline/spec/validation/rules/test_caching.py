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
    ("cache-is-supported", {"Train.CacheConfig": CACHE}, {"Gate.CacheConfig": CACHE}, ""),
    ("cache-is-supported", {}, {"Train.CacheConfig": {"Enabled": "yes"}}, ""),
    ("cache-is-supported", {}, {"Train.CacheConfig": {**CACHE, "Scope": "all"}}, ""),
    (
        "cache-expires",
        {"Train.CacheConfig": {"Enabled": False}},
        {"Train.CacheConfig": {"Enabled": True}},
        "Train.CacheConfig.ExpireAfter",
    ),
    *(
        (
            "cache-expires",
            {"Train.CacheConfig": {"Enabled": True, "ExpireAfter": right}},
            {"Train.CacheConfig.ExpireAfter": wrong},
            "",
        )
        for right, wrong in (
            ("P30D", "30 days"),
            ("30d", "P"),
            ("T16m", "PT"),
            ("30dT5h", "P30DT"),
            ("P1Y2M", "PT30S"),
            ("p4w", 30),
        )
    ),
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
