from collections.abc import Callable
from typing import Any

import pytest

GROUP = {"Name": "Register", "Type": "RegisterModel", "Arguments": {"ModelPackageGroupName": "models"}}

CASES: list[tuple[Any, ...]] = [
    (
        "package-has-a-group-or-a-name",
        {"Steps[+]": GROUP},
        {"Register.Arguments.ModelPackageGroupName": ...},
        "Register.Arguments",
    ),
    (
        "package-has-a-group-or-a-name",
        {"Steps[+]": GROUP},
        {"Register.Arguments.ModelPackageName": "model"},
        "Register.Arguments",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
