"""What a request must have, of which types, and within which limits."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.spec.diagnostics import Findings
from pipeline.spec.request_schema import check_request


def problems(step_type: str, arguments: dict[str, Any]) -> list[str]:
    findings = Findings()
    check_request(step_type, arguments, "$", findings)
    return [str(found) for found in findings.local if not found.message.startswith("missing")]


@pytest.mark.parametrize(
    ("step_type", "arguments", "problem"),
    [
        (
            "Training",
            {"StoppingCondition": {"MaxRuntimeInSeconds": 0}},
            "$.StoppingCondition.MaxRuntimeInSeconds: must be at least 1, not 0",
        ),
        (
            "Processing",
            {"StoppingCondition": {"MaxRuntimeInSeconds": -1}},
            "$.StoppingCondition.MaxRuntimeInSeconds: must be at least 1, not -1",
        ),
        (
            "Training",
            {"ResourceConfig": {"VolumeSizeInGB": True}},
            "$.ResourceConfig.VolumeSizeInGB: must be a whole number, not True",
        ),
        *(
            (
                step_type,
                {"Environment": {name: "x"}},
                f"$.Environment['{name}']: '{name}' cannot be an environment variable's name",
            )
            for step_type in ("Training", "Processing")
            for name in ("A=B", "", "1A", "A B")
        ),
        (
            "Model",
            {"PrimaryContainer": {"Environment": {"=": "x"}}},
            "$.PrimaryContainer.Environment['=']: '=' cannot be an environment variable's name",
        ),
        (
            "Training",
            {"InputDataConfig": [{"ChannelName": "a/b"}]},
            "$.InputDataConfig[0].ChannelName: must match",
        ),
        (
            "Training",
            {"InputDataConfig": [{"ChannelName": "c" * 65}]},
            "$.InputDataConfig[0].ChannelName: must have at most 64 characters, not 65",
        ),
    ],
)
def test_what_the_service_does_not_take_and_no_machine_can_do_is_refused(
    step_type: str, arguments: dict[str, Any], problem: str
) -> None:
    (found,) = problems(step_type, arguments)
    assert found.startswith(problem)


def test_what_another_step_or_a_parameter_decides_is_not_judged_yet() -> None:
    get = {"Get": "Parameters.X"}
    assert (
        problems(
            "Training",
            {
                "StoppingCondition": {"MaxRuntimeInSeconds": get},
                "Environment": get,
                "InputDataConfig": [{"ChannelName": get}],
            },
        )
        == []
    )


def test_limits_that_only_the_service_has_are_not_the_local_engines() -> None:
    arguments = {
        "Environment": {"A": "x" * 5000},
        "AlgorithmSpecification": {"ContainerArguments": ["x" * 300] * 200},
        "ResourceConfig": {"InstanceType": "ml.future.2xlarge"},
    }
    assert problems("Training", arguments) == []
