from collections.abc import Callable
from typing import Any

import pytest

STOP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "No."}}
MISSED = "Gate.Arguments.ElseSteps[0]"

CASES: list[tuple[Any, ...]] = [
    ("missed-gate-fails", {}, {"Gate.Arguments.ElseSteps": []}, ""),
    ("missed-gate-fails", {"Gate.Arguments.IfSteps": [STOP]}, {"Gate.Arguments.ElseSteps": []}, ""),
    ("missed-gate-fails", {}, {f"{MISSED}.Type": "Callback"}, "Gate.Arguments.ElseSteps"),
    ("fail-message", {}, {f"{MISSED}.Arguments.ErrorMessage": ...}, ""),
    (
        "fail-message",
        {f"{MISSED}.Arguments.ErrorMessage": "x" * 3072},
        {f"{MISSED}.Arguments.ErrorMessage": "x" * 3073},
        "",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
