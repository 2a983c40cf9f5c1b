from collections.abc import Callable
from typing import Any

import pytest

VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
TRAINING, PROCESSING = "Train.Arguments.VpcConfig", "Prepare.Arguments.NetworkConfig.VpcConfig"

CASES: list[tuple[Any, ...]] = [
    ("vpc-has-subnets-and-security-groups", {TRAINING: VPC}, {f"{TRAINING}.Subnets": ...}, TRAINING),
    (
        "vpc-has-subnets-and-security-groups",
        {PROCESSING: VPC},
        {f"{PROCESSING}.SecurityGroupIds": []},
        PROCESSING,
    ),
    (
        "isolated-jobs-reach-nothing",
        {"Prepare.Arguments.NetworkConfig.EnableNetworkIsolation": True},
        {"Evaluate.Arguments.NetworkConfig.EnableNetworkIsolation": True},
        "Evaluate.Arguments.AppSpecification.ContainerArguments[1]",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
