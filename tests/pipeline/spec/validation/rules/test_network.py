from collections.abc import Callable
from typing import Any

import pytest

CASES: list[tuple[Any, ...]] = [
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
