from collections.abc import Callable
from typing import Any

import pytest

CASES: list[tuple[Any, ...]] = [
    ("definition-size", {"Metadata.Note": "x" * 1_000_000}, {"Metadata.Note": "x" * 1_048_576}, "$"),
    ("step-texts", {"Train.DisplayName": "A step"}, {"Train.DisplayName": "x" * 257}, ""),
    ("step-texts", {"Train.Description": "x" * 3072}, {"Train.Description": "x" * 3073}, ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
