from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DefinitionError, UsageError
from pipeline.spec.definition import Definition
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition

FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}


def definition(*parameters: dict[str, Any], step: dict[str, Any] = FAIL) -> Definition:
    return parse_definition(
        json.dumps({"Version": "2020-12-01", "Parameters": list(parameters), "Steps": [step]})
    )


EPOCHS = {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3}
RATE = {"Name": "LearningRate", "Type": "Float", "DefaultValue": 0.003}
FLAG = {"Name": "Flag", "Type": "Boolean", "DefaultValue": False}
DATA = {"Name": "Data", "Type": "String"}
STATUS = {
    "Name": "Status", "Type": "String", "DefaultValue": "Pending", "EnumValues": ["Pending", "Approved"],
}  # fmt: skip
ALL = (EPOCHS, RATE, FLAG, DATA, STATUS)


def test_defaults_are_taken_and_overridden_in_the_order_of_the_definition() -> None:
    values = resolve_parameters(definition(*ALL), {"Data": "s3://b/k", "Epochs": "5"})
    assert list(values.items()) == [
        ("Epochs", 5), ("LearningRate", 0.003), ("Flag", False), ("Data", "s3://b/k"), ("Status", "Pending"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (EPOCHS, "5", 5),
        (EPOCHS, "-5", -5),
        (EPOCHS, 7, 7),
        (RATE, "1", 1.0),
        (RATE, "1e-3", 0.001),
        (RATE, ".5", 0.5),
        (RATE, 2, 2.0),
        (FLAG, "true", True),
        (FLAG, "False", False),
        (FLAG, True, True),
        (DATA, "", ""),
        (DATA, "3", "3"),
        (STATUS, "Approved", "Approved"),
    ],
)
def test_a_value_is_converted_to_the_type_of_its_parameter(
    parameter: dict[str, Any], given: object, expected: object
) -> None:
    value = resolve_parameters(definition(parameter), {parameter["Name"]: given})[parameter["Name"]]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("parameter", "given", "expected"),
    [
        (EPOCHS, "3.5", "Epochs: must be a whole number, not '3.5'"),
        (EPOCHS, "three", "must be a whole number"),
        (EPOCHS, "1_000", "must be a whole number"),
        (EPOCHS, "٣", "must be a whole number"),  # an Arabic digit, which int() takes
        (EPOCHS, "", "must be a whole number"),
        (EPOCHS, True, "must be a whole number, not True"),
        (EPOCHS, 3.0, "must be a whole number"),
        (RATE, "fast", "LearningRate: must be a number, not 'fast'"),
        (RATE, "nan", "must be a number"),
        (RATE, "inf", "must be a number"),
        (RATE, "1e999", "must be a number"),
        (RATE, 10**400, "must be a number"),
        (RATE, False, "must be a number"),
        (FLAG, "yes", "Flag: must be true or false, not 'yes'"),
        (FLAG, 1, "must be true or false"),
        (DATA, 3, "Data: must be a string, not 3"),
        (STATUS, "approved", "of Pending, Approved, not 'approved'. Did you mean 'Approved'?"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_with_what_was_received(
    parameter: dict[str, Any], given: object, expected: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_parameters(definition(parameter), {parameter["Name"]: given})
    assert expected in str(caught.value)


def test_every_wrong_parameter_is_listed_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        resolve_parameters(definition(*ALL), {"epochs": "5", "LearningRate": "fast"})
    assert str(caught.value) == (
        "The pipeline's parameters are wrong (nothing was started):\n"
        "  epochs: the pipeline has no such parameter. Did you mean 'Epochs'?"
        " It has Epochs, LearningRate, Flag, Data, Status.\n"
        "  LearningRate: must be a number, not 'fast'.\n"
        "  Data: it has no default: give it a value (type String).\n"
        "Give each as --param NAME=VALUE."
    )


def test_a_parameter_that_asks_for_what_is_not_supported_is_refused_before_anything_runs() -> None:
    count = {"Name": "Instances", "Type": "Integer", "DefaultValue": 1}
    cluster = {"InstanceType": "ml.m5.xlarge", "InstanceCount": {"Get": "Parameters.Instances"}}
    step = {
        "Name": "Normalize",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3", "x.py"]},
            "ProcessingResources": {"ClusterConfig": cluster},
        },
    }
    pipeline = definition(count, step=step)
    assert resolve_parameters(pipeline, {}) == {"Instances": 1}
    with pytest.raises(DefinitionError) as caught:
        resolve_parameters(pipeline, {"Instances": "17"})
    path = "$.Steps[0].Arguments.ProcessingResources.ClusterConfig.InstanceCount"
    assert f"{path}: the local engine supports only 1 to 16, not 17" in str(caught.value)


@settings(deadline=None)
@given(
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(st.characters(exclude_characters="\0", codec="utf-8")),
)
def test_what_python_writes_of_a_value_is_read_back_as_that_value(
    integer: int, number: float, flag: bool, text: str
) -> None:
    written = {"Epochs": str(integer), "LearningRate": repr(number), "Flag": str(flag), "Data": text}
    values = resolve_parameters(definition(EPOCHS, RATE, FLAG, DATA), written)
    assert values == {"Epochs": integer, "LearningRate": number, "Flag": flag, "Data": text}
