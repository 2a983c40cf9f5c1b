from collections.abc import Callable
from typing import Any

import pytest

from pipeline.spec.validation import validate_definition


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
        ({"Epoch": 3}, "the pipeline has no parameter Epoch, only: Epochs, InputDataUri, "),
        ({"Epochs": "3"}, "Epochs: must be a JSON Integer, not '3'"),
        ({"InputDataUri": "s3://a-bucket/" + "x" * 1011}, "must have at most 1024 characters"),
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
    assert problem.message == 'InputDataUri: must not be empty; give a text such as "none".'


def test_a_default_that_is_empty_is_no_good_in_a_form(breaks: Callable[..., None]) -> None:
    breaks("default-texts-are-not-empty", {}, {"Parameters[1].DefaultValue": ""})


def test_a_given_value_outside_the_enum_is_reported(definition: dict[str, Any]) -> None:
    assert validate_definition(definition, {"Approval": "Approved"}) == []
    (problem,) = validate_definition(definition, {"Approval": "Perhaps"})
    assert problem.rule == "given-parameters"
    assert "Pending, Approved" in problem.message
