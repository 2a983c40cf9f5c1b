"""The two public functions: all problems at once, no exception for any JSON, nothing but botocore's files read."""

import copy
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import DefinitionError
from pipeline.spec.diagnostics import Finding
from pipeline.spec.validation import (
    check_definition,
    read_checked,
    service_findings,
    validate_definition,
)

ROOT = Path(__file__).parents[4]


def test_a_valid_definition_has_no_problems(definition: dict[str, Any]) -> None:
    assert validate_definition(definition) == []
    check_definition(definition)


def test_all_problems_are_reported_at_once_in_the_order_of_the_steps(changed: Callable[..., Any]) -> None:
    definition = changed(
        {
            "Gate.Arguments.ElseSteps": [],
            "Train.Arguments.HyperParameters.epochs": {"Get": "Parameters.Epochs"},
            "Prepare.Arguments.ProcessingResources.ClusterConfig.VolumeSizeInGB": 0,
            "Version": "1",
        }
    )
    problems = validate_definition(definition)
    assert [(problem.path, problem.rule) for problem in problems] == [
        ("$.Version", "well-formed"),
        ("$.Steps[0].Arguments.ProcessingResources.ClusterConfig.VolumeSizeInGB", "model-range"),
        ("$.Steps[1].Arguments.HyperParameters.epochs", "model-type"),
        ("$.Steps[3].Arguments.ElseSteps", "missed-gate-fails"),
    ]
    with pytest.raises(DefinitionError) as caught:
        check_definition(definition)
    message = str(caught.value)
    assert "(4 in all)" in message
    assert all(str(problem) in message for problem in problems)


def test_what_the_model_says_is_said_once(changed: Callable[..., Any]) -> None:
    problems = validate_definition(
        changed({"Train.Arguments.HyperParameters.epochs": {"Get": "Parameters.Epochs"}})
    )
    assert problems == [
        Finding(
            "$.Steps[1].Arguments.HyperParameters.epochs",
            "must be a string, not Parameters.Epochs, which is of type Integer. Write it with .to_string().",
            "both",
            "model-type",
        )
    ]


def test_another_check_takes_the_place_of_the_model_at_the_same_path(changed: Callable[..., Any]) -> None:
    (problem,) = validate_definition(changed({"Train.Arguments.Environment": {"1A": ""}}))
    assert (problem.path, problem.rule) == ("$.Steps[1].Arguments.Environment['1A']", "well-formed")


def test_what_cannot_run_here_is_listed_with_what_sagemaker_alone_refuses(
    changed: Callable[..., Any],
) -> None:
    definition = changed(
        {
            "Train.Arguments.Environment": {"A": 3},
            "Train.Arguments.RoleArn": ...,
            "Evaluate.Type": "EMR",
            "Prepare.Arguments.ProcessingInputs[0].S3Input.S3InputMode": "Pipe",
            "Prepare.Arguments.ProcessingResources.ClusterConfig.InstanceType": "ml.m5.lrge",
        }
    )
    with pytest.raises(DefinitionError) as caught:
        read_checked(definition, json.dumps(definition))
    assert [line.partition(": ")[0].strip() for line in str(caught.value).splitlines()] == [
        "The local engine cannot execute this pipeline definition (3 problems):",
        "$.Steps[0].Arguments.ProcessingInputs[0].S3Input.S3InputMode",
        "$.Steps[1].Arguments.Environment.A",
        "$.Steps[2].Type",
        "Besides, SageMaker's API would refuse this (2 in all):",
        "$.Steps[0].Arguments.ProcessingResources.ClusterConfig.InstanceType",
        "$.Steps[1].Arguments.RoleArn",
        "Change what is listed in the definition.",
    ]


def test_what_only_sagemaker_refuses_is_no_refusal_here(changed: Callable[..., Any]) -> None:
    definition = changed({"Train.Arguments.RoleArn": ..., "Gate.Arguments.ElseSteps": []})
    found = service_findings(*read_checked(definition, json.dumps(definition)), {})
    # That a missed gate does not fail is this project's advice, and not for others' definitions.
    assert [finding.path for finding in found] == ["$.Steps[1].Arguments.RoleArn"]


def test_parameters_that_an_execution_would_start_with_are_checked(definition: dict[str, Any]) -> None:
    (problem,) = validate_definition(definition, {"Instance": "ml.g5.huge"})
    assert (problem.rule, problem.path) == ("model-enum", "$.Steps[1].Arguments.ResourceConfig.InstanceType")


@pytest.mark.parametrize(
    ("malformed", "paths"),
    [
        (None, ["$"]),
        ([], ["$"]),
        ({}, ["$.Steps"]),
        ({"Version": "2020-12-01", "Parameters": {}, "Steps": {}}, ["$.Parameters", "$.Steps"]),
        ({"Version": "2020-12-01", "Parameters": [{}], "Steps": [7]}, ["$.Parameters[0].Name", "$.Steps[0]"]),
        (
            {"Version": "2020-12-01", "Steps": [{"Name": 1}]},
            ["$.Steps[0].Arguments", "$.Steps[0].Name", "$.Steps[0].Type"],
        ),
    ],
)
def test_a_malformed_definition_is_a_problem_not_an_exception(malformed: Any, paths: list[str]) -> None:
    problems = validate_definition(malformed)
    assert sorted(problem.path for problem in problems if problem.rule == "well-formed") == paths


def places(value: object, keys: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys of everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [keys, *(place for key, item in items for place in places(item, (*keys, key)))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


ODD = st.sampled_from(
    [
        {"Get": []},
        {"Get": "Steps.Train.InputDataConfig[0]"},
        {"Get": "Steps.Gate.Outcome"},
        {"Get": "Steps.Evaluate.PropertyFiles.Report"},
        {"Std:Join": 1},
        {"Std:Join": {"Values": [{"Get": {}}, None]}},
        {"Std:JsonGet": []},
    ]
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_json_makes_it_raise(definition: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(definition)
    for _ in range(data.draw(st.integers(1, 3))):
        keys = data.draw(st.sampled_from(places(changed)[1:]))
        target = changed
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = copy.deepcopy(data.draw(JSON | ODD))
    for problem in validate_definition(
        changed, data.draw(st.dictionaries(st.text(max_size=8), JSON, max_size=2))
    ):
        assert problem.path.startswith("$")
        assert problem.message


def test_it_is_fast_and_needs_no_client_no_sdk_and_no_file_of_the_user(
    definition: dict[str, Any], tmp_path: Path
) -> None:
    models = tmp_path / ".aws" / "models" / "sagemaker" / "2099-01-01"
    models.mkdir(parents=True)
    (models / "service-2.json").write_text('{"metadata": {}, "operations": {}, "shapes": {}}')
    program = """
import json, sys
from pipeline.spec.validation import validate_definition
print(validate_definition(json.load(sys.stdin)))
print(sorted({"boto3", "botocore.client", "botocore.session", "sagemaker"} & set(sys.modules)))
"""
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(definition),
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "[]\n[]\n"
    assert time.monotonic() - started < 10
