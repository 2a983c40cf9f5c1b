from collections.abc import Callable
from typing import Any

import pytest

from pipeline.spec.validation import validate_definition

CASES: list[tuple[Any, ...]] = [
    ("parameter-names", {}, {"Parameters[1].Name": "Epochs"}, ""),
    ("parameter-names", {}, {"Parameters[2].Name": "A parameter"}, ""),
    ("parameter-types", {}, {"Parameters[2].Type": "Number"}, ""),
    ("parameter-types", {}, {"Parameters[0].DefaultValue": "3"}, ""),
    ("parameter-types", {}, {"Parameters[0].DefaultValue": True}, ""),
    ("default-texts-are-not-empty", {}, {"Parameters[1].DefaultValue": ""}, ""),
    ("parameter-enums", {}, {"Parameters[2].DefaultValue": "Perhaps"}, ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)


def test_there_are_at_most_200_parameters(changed: Callable[..., Any]) -> None:
    more = [{"Name": f"P{n}", "Type": "String", "DefaultValue": "x"} for n in range(196)]
    definition = changed()
    definition["Parameters"] += more
    assert validate_definition(definition) == []
    definition["Parameters"].append({"Name": "OneMore", "Type": "String", "DefaultValue": "x"})
    (problem,) = validate_definition(definition)
    assert (problem.rule, problem.path) == ("at-most-200-parameters", "$.Parameters")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Epoch": 3}, "expected values for parameters out of Epochs, InputDataUri, "),
        ({"Epochs": "3"}, "Epochs: expected a value of type Integer. Received: '3'"),
        ({"InputDataUri": "s3://a-bucket/" + "x" * 1011}, "expected at most 1024 characters"),
    ],
)
def test_given_parameters_are_known_and_fit(
    definition: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    assert validate_definition(definition, {"Epochs": 5, "InputDataUri": "s3://a-bucket/" + "x" * 1010}) == []
    problems = validate_definition(definition, given)
    assert "given-parameters" in {problem.rule for problem in problems}
    assert any(message in problem.message for problem in problems)


def test_a_given_value_is_not_empty_as_the_service_wants_it(definition: dict[str, Any]) -> None:
    """`string "" is too short (length: 0, required minimum: 1)`, says StartPipelineExecution."""
    problem = validate_definition(definition, {"InputDataUri": ""})[0]
    assert problem.rule == "given-parameters"
    assert problem.message == 'InputDataUri: expected a text that is not empty, such as "none". Received: ""'


def test_a_given_value_outside_the_enum_is_reported(definition: dict[str, Any]) -> None:
    assert validate_definition(definition, {"Approval": "Approved"}) == []
    (problem,) = validate_definition(definition, {"Approval": "Perhaps"})
    assert problem.rule == "parameter-enums"
    assert "Pending, Approved" in problem.message
