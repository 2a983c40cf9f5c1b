from collections.abc import Callable
from typing import Any

import pytest

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "No."}}

CASES: list[tuple[Any, ...]] = [
    ("version-is-2020-12-01", {}, {"Version": "2021-01-01"}, ""),
    ("definition-size", {"Metadata.Note": "x" * 1_000_000}, {"Metadata.Note": "x" * 1_048_576}, "$"),
    ("step-names-are-unique", {}, {"Evaluate.Name": "Prepare"}, "Steps[2].Name"),
    (
        "step-names-are-unique",
        {"Gate.Arguments.IfSteps[+]": FAIL},
        {"Gate.Arguments.IfSteps[+]": FAIL},
        "Gate.Arguments.IfSteps[1].Name",
    ),
    ("step-name-form", {}, {"Prepare.Name": "Prepare data"}, "Steps[0].Name"),
    ("step-name-form", {}, {"Gate.Name": "x" * 65}, "Steps[3].Name"),
    ("step-name-form", {"Gate.Name": "x" * 64}, {"Steps[3].Name": ""}, "Steps[3].Name"),
    ("step-texts", {"Train.DisplayName": "A step"}, {"Train.DisplayName": "x" * 257}, ""),
    ("step-texts", {"Train.Description": "x" * 3072}, {"Train.Description": "x" * 3073}, ""),
    ("step-type-is-known", {}, {"Train.Type": "Trainning"}, ""),
    (
        "depends-on-known-steps",
        {"Train.DependsOn": [{"Step": "Prepare", "Trigger": "Completed"}]},
        {"Train.DependsOn": ["Prepair"]},
        "",
    ),
    (
        "triggers-are-known",
        {"Train.DependsOn": [{"Step": "Prepare", "Trigger": "Any"}]},
        {"Train.DependsOn": [{"Step": "Prepare", "Trigger": "Succeeded"}]},
        "Train.DependsOn[0].Trigger",
    ),
    ("triggers-are-known", {}, {"Train.DependsOn": [{"Step": "Prepare"}]}, "Train.DependsOn[0]"),
    (
        "steps-form-no-circle",
        {"Evaluate.DependsOn": ["Prepare"]},
        {"Prepare.DependsOn": ["Evaluate"]},
        "Steps",
    ),
    ("steps-form-no-circle", {}, {"Prepare.DependsOn": ["Missed"]}, "Steps"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
