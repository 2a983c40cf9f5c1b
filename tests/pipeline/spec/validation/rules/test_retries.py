from collections.abc import Callable
from typing import Any

import pytest

POLICY = {
    "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
    "IntervalSeconds": 60,
    "BackoffRate": 2.0,
    "MaxAttempts": 5,
}
FIRST = "Train.RetryPolicies[0]"

CASES: list[tuple[Any, ...]] = [
    ("retries-are-supported", {"Train.RetryPolicies": [POLICY]}, {"Gate.RetryPolicies": [POLICY]}, ""),
    ("retries-are-supported", {}, {"Train.RetryPolicies": POLICY}, ""),
    ("retries-are-supported", {"Train.RetryPolicies": [POLICY]}, {f"{FIRST}.Jitter": 1}, FIRST),
    *(
        ("retry-exception-types", {"Train.RetryPolicies": [POLICY]}, {f"{FIRST}.ExceptionType": types}, "")
        for types in (["SageMaker.JOB_CAPACITY_ERROR"], [], "Step.THROTTLING")
    ),
    ("retry-exception-types", {"Train.RetryPolicies": [POLICY]}, {f"{FIRST}.ExceptionType": ...}, ""),
    ("retry-has-one-limit", {"Train.RetryPolicies": [POLICY]}, {f"{FIRST}.MaxAttempts": ...}, FIRST),
    ("retry-has-one-limit", {"Train.RetryPolicies": [POLICY]}, {f"{FIRST}.ExpireAfterMin": 60}, FIRST),
    *(
        (
            "retry-has-one-limit",
            {"Train.RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"], key: most}]},
            {f"{FIRST}.{key}": wrong},
            "",
        )
        for key, most, wrong in (
            ("MaxAttempts", 20, 21),
            ("MaxAttempts", 1, 0),
            ("ExpireAfterMin", 14_400, 14_401),
            ("ExpireAfterMin", 1, 1.5),
        )
    ),
    *(
        ("retry-interval", {"Train.RetryPolicies": [{**POLICY, key: most}]}, {f"{FIRST}.{key}": wrong}, "")
        for key, most, wrong in (
            ("IntervalSeconds", 43_200, 43_201),
            ("IntervalSeconds", 0, -1),
            ("BackoffRate", 0, -0.5),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
