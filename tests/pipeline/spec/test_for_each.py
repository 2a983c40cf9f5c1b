"""What a ForEach step may look like: both models of a definition, what each refuses and where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.spec.dependencies import dependencies
from pipeline.spec.parsing import parse_definition
from pipeline.spec.validation import validate_definition
from tests.pipeline.local.engine.test_foreign_definitions import condition, output, processing, training

ITEM = {"Get": "ForEach.CurrentItem"}


def document(**changes: Any) -> dict[str, Any]:
    """Make, a ForEach step with a body of two, and a job that reads what it leaves."""
    arguments = {
        "IterableItems": ["a", {"Get": "Parameters.Last"}],
        "MaxConcurrency": 2,
        "Selector": {"Pick": "MaxBy", "Field": {"Get": "IterationOutput.T.FinalMetricDataList['acc'].Value"}},
        "ForEachBody": [
            processing("P", ProcessingOutputConfig=output(), Environment={"ITEM": ITEM}),
            training("T", HyperParameters={"from": {"Get": "Steps.P.ProcessingJobArn"}, "n": ITEM}),
        ],
        **changes,
    }
    reads = {
        "BEST": {"Get": "Steps.Each.Selected.ModelArtifacts.S3ModelArtifacts"},
        "FIRST": {
            "Get": "Steps.Each.IterationOutputs[0].P.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"
        },
        "STATUS": {"Get": "Steps.Each.Status"},
    }
    each = {"Name": "Each", "Type": "ForEach", "DependsOn": ["Make"], "Arguments": arguments}
    last = {"Name": "Last", "Type": "String", "DefaultValue": "z"}
    steps = [processing("Make"), each, processing("Read", Environment=reads)]
    return {"Version": "2020-12-01", "Parameters": [last], "Steps": steps}


def refusals(broken: Any) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps(broken))
    return [line.strip() for line in str(caught.value).splitlines() if line.startswith("  ")]


def test_both_models_take_it_and_its_body_is_no_step_of_the_execution() -> None:
    definition = parse_definition(json.dumps(document()))
    assert [step.name for step in definition.steps] == ["Make", "Each", "Read"]
    assert [step.name for step in definition.step("Each").body] == ["P", "T"]
    assert definition.step("Each").body[1].json_path == "$.Steps[1].Arguments.ForEachBody[1]"
    assert "ForEachBody" not in definition.step("Each").arguments
    assert [str(problem) for problem in validate_definition(document())] == []


def test_the_step_waits_for_what_its_body_waits_for_outside() -> None:
    made = document()
    made["Steps"][1]["Arguments"]["ForEachBody"][0]["Arguments"]["Environment"]["MADE"] = {
        "Get": "Steps.Make.ProcessingJobArn"
    }
    del made["Steps"][1]["DependsOn"]
    assert dependencies(parse_definition(json.dumps(made))) == {
        "Make": frozenset(),
        "Each": {"Make"},
        "Read": {"Each"},
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"IterableItems": []}, "IterableItems: must have 1 to 100 items, not 0"),
        ({"IterableItems": ["a"] * 101}, "IterableItems: must have 1 to 100 items, not 101"),
        (
            {"IterableItems": ["a", {"b": 1}]},
            "IterableItems[1]: must be a string, number, boolean or expression, not",
        ),
        ({"IterableItems": [None]}, "IterableItems[0]: must be a string, number, boolean or expression, not"),
        ({"IterableItems": '["a"]'}, "IterableItems: must be a list, or an expression that yields one"),
        (
            {"IterableItems": ITEM},
            "IterableItems.Get: only the steps in the body of a ForEach step have a ForEach",
        ),
        ({"MaxConcurrency": 0}, "MaxConcurrency: must be a whole number from 1 to 50, not 0"),
        ({"MaxConcurrency": 51}, "MaxConcurrency: must be a whole number from 1 to 50, not 51"),
        ({"MaxConcurrency": True}, "MaxConcurrency: must be a whole number from 1 to 50, not True"),
        ({"MaxConcurency": 1}, "MaxConcurency: not supported here;"),
        ({"ForEachBody": []}, "ForEachBody: must have at least one step."),
        (
            {"ForEachBody": [condition("C")]},
            "ForEachBody[0].Type: steps of the types Condition, Fail, ForEach, Tuning are not allowed in a body.",
        ),
        ({"Selector": {"Pick": "Max", "Field": ITEM}}, "Selector.Pick: must be one of MaxBy, MinBy, not"),
        (
            {"Selector": {"Pick": "MaxBy", "Field": ITEM}},
            "Selector.Field: must be a Get of IterationOutput.P.…",
        ),
        (
            {"Selector": {"Pick": "MaxBy", "Field": {"Get": "IterationOutput.T.Nothing"}}},
            "Selector.Field.Get: T has no property",
        ),
        (
            {"ForEachBody": [processing("Make-it"), processing("Read")]},
            "the name 'Read' is taken by $.Steps[",
        ),
        (
            {"ForEachBody": [processing("P", Environment={"1": "x"})]},
            "ForEachBody[0].Arguments.Environment['1']: '1' cannot be an",
        ),
        (
            {"ForEachBody": [processing("P", RoleArm="x")]},
            "ForEachBody[0].Arguments.RoleArm: Processing steps",
        ),
        (
            {"ForEachBody": [processing("P", Environment={"A": {"Get": "ForEach.Item"}})]},
            "ForEachBody[0].Arguments.Environment.A.Get: must be ForEach.CurrentItem, or IterationOutput.…",
        ),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(changes: dict[str, Any], expected: str) -> None:
    found = refusals(document(**changes))
    assert any(expected in each for each in found), found


def read(path: str) -> dict[str, Any]:
    made = document()
    made["Steps"][2]["Arguments"]["Environment"] = {"A": {"Get": path}}
    return made


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ForEach.CurrentItem", "only the steps in the body of a ForEach step have a ForEach.CurrentItem."),
        (
            "Steps.P.ProcessingJobArn",
            "there is no step 'P'. It runs for each item of Each: Steps.Each.IterationOutp",
        ),
        ("Steps.Each.IterationOutputs", "a ForEach step has Status, InputItemCount, TotalStepCount"),
        (
            "Steps.Each.IterationOutputs[0].Q.ProcessingJobArn",
            "of P, T (got 'Steps.Each.IterationOutputs[0].Q",
        ),
        ("Steps.Each.IterationOutputs[0].P.JobArn", "P has no property"),
        ("Steps.Each.Selected.Nothing", "T has no property"),
        ("Steps.Each.ItemCount", "a ForEach step has Status, InputItemCount"),
    ],
)
def test_what_no_for_each_step_leaves_cannot_be_read(path: str, expected: str) -> None:
    assert [expected in each for each in refusals(read(path))] == [True]


def test_without_a_selector_nothing_is_selected() -> None:
    made = document()
    del made["Steps"][1]["Arguments"]["Selector"]
    assert refusals(made) == [
        "$.Steps[2].Arguments.Environment.BEST.Get: step Each has no Selector, so nothing is Selected."
    ]


def test_no_other_step_is_called_like_a_child() -> None:
    made = document()
    made["Steps"][0]["Name"], made["Steps"][1]["DependsOn"] = "P-12", ["P-12"]
    assert refusals(made) == [
        "$.Steps[1].Arguments.ForEachBody[0].Name: its children are named P-0 and so on, and so is another step: "
        "P-12."
    ]


def test_a_trigger_on_a_step_outside_belongs_to_the_for_each_step() -> None:
    made = document()
    made["Steps"][1]["Arguments"]["ForEachBody"][0]["DependsOn"] = [{"Step": "Make", "Trigger": "Any"}]
    assert refusals(made) == [
        "$.Steps[1].Arguments.ForEachBody[0].DependsOn: Make is not in the body: let Each depend on it, with "
        "the trigger Any."
    ]


def test_the_steps_of_a_body_form_no_circle() -> None:
    made = document()
    made["Steps"][1]["Arguments"]["ForEachBody"][0]["DependsOn"] = ["T"]
    assert refusals(made) == [
        "$.Steps[1].Arguments.ForEachBody[0]: these steps wait for each other: P → T → P",
    ]


@pytest.mark.parametrize("path", ["ForEach.CurrentItem", "IterationOutput.P.ProcessingJobArn"])
def test_the_service_would_refuse_items_outside_of_a_body(path: str) -> None:
    (problem,) = validate_definition(read(path))
    assert "ForEach" in problem.message


def test_the_service_would_refuse_the_same_in_a_body_as_in_a_step() -> None:
    made = document()
    made["Steps"][1]["Arguments"]["ForEachBody"][1]["Arguments"]["ResourceConfig"]["InstanceType"] = "huge"
    (problem,) = validate_definition(made)
    assert problem.path == "$.Steps[1].Arguments.ForEachBody[1].Arguments.ResourceConfig.InstanceType"
