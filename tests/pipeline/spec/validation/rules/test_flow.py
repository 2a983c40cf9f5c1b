from collections.abc import Callable
from typing import Any

import pytest

EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
STOP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "No."}}
INNER = {
    "Name": "Inner",
    "Type": "Condition",
    "Arguments": {"Conditions": [EQUAL], "IfSteps": [], "ElseSteps": [STOP]},
}
CONDITIONS = "Gate.Arguments.Conditions"
MISSED = "Gate.Arguments.ElseSteps[0]"

CASES: list[tuple[Any, ...]] = [
    ("missed-gate-fails", {}, {"Gate.Arguments.ElseSteps": []}, ""),
    ("missed-gate-fails", {"Gate.Arguments.IfSteps": [STOP]}, {"Gate.Arguments.ElseSteps": []}, ""),
    ("missed-gate-fails", {}, {f"{MISSED}.Type": "Callback"}, "Gate.Arguments.ElseSteps"),
    ("conditions-are-complete", {}, {CONDITIONS: []}, ""),
    (
        "conditions-are-complete",
        {f"{CONDITIONS}[0].Type": "Equals"},
        {f"{CONDITIONS}[0].Type": "Equal"},
        f"{CONDITIONS}[0]",
    ),
    ("conditions-are-complete", {}, {f"{CONDITIONS}[0].RightValue": ...}, f"{CONDITIONS}[0]"),
    (
        "conditions-are-complete",
        {CONDITIONS: [{"Type": "Not", "Condition": {"Type": "Or", "Conditions": [EQUAL]}}]},
        {f"{CONDITIONS}[0].Condition.Conditions[0].Type": "And"},
        f"{CONDITIONS}[0].Condition.Conditions[0]",
    ),
    (
        "conditions-are-complete",
        {CONDITIONS: [{"Type": "Not", "Condition": EQUAL}]},
        {CONDITIONS: [{"Type": "Not", "Expression": EQUAL}]},
        f"{CONDITIONS}[0]",
    ),
    (
        "conditions-are-complete",
        {CONDITIONS: [{"Type": "In", "QueryValue": 1, "Values": [1, 2]}]},
        {f"{CONDITIONS}[0].Values": []},
        "",
    ),
    (
        "property-files-have-an-output",
        {},
        {"Evaluate.PropertyFiles[0].OutputName": "report"},
        "Evaluate.PropertyFiles[0]",
    ),
    ("property-files-have-an-output", {}, {"Evaluate.PropertyFiles[0].FilePath": ""}, ""),
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
