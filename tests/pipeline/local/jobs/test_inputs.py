from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import UsageError
from pipeline.local.jobs.inputs import check_inputs, is_there
from pipeline.spec.parsing import parse_definition
from tests.pipeline.local.workbench import Workbench

MODELS = (Path(__file__).parents[3] / "pipeline/spec/compiled_models.json").read_text()


def compiled(uri: Any, **more: Any) -> str:
    """The compiled definition whose first step reads `uri`, with another step `more`."""
    document = json.loads(MODELS)
    document["Steps"][0]["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"] = uri
    document["Parameters"].append({"Name": "Bucket", "Type": "String", "DefaultValue": "theirs"})
    if more:
        document["Steps"].append(more)
    return json.dumps(document)


def asked_for(text: str) -> list[str]:
    """The URIs that are looked for before the definition `text` may start."""
    asked: list[str] = []

    def there(uri: str) -> bool:
        asked.append(uri)
        return True

    check_inputs(parse_definition(text), {"Bucket": "theirs"}, there)
    return asked


def test_what_the_first_steps_read_is_looked_for() -> None:
    uri = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, "code"]}}
    container = {"Image": "i", "ModelDataUrl": "s3://theirs/model.tar.gz"}
    first = {"Name": "First", "Type": "Model", "Arguments": {"PrimaryContainer": container}}
    # Register and Create read what Make has yet to write.
    assert asked_for(compiled(uri, **first)) == ["s3://theirs/code", "s3://theirs/model.tar.gz"]


def test_what_another_step_may_yet_write_is_not_looked_for() -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://theirs/model.tar.gz"}
    later = {
        "Name": "Later",
        "Type": "Model",
        "DependsOn": ["Make"],
        "Arguments": {"PrimaryContainer": container},
    }
    assert asked_for(compiled("s3://theirs/code", **later)) == ["s3://theirs/code"]


def test_what_only_the_execution_will_name_is_not_looked_for() -> None:
    uri = {"Std:Join": {"On": "/", "Values": ["s3://theirs", {"Get": "Execution.PipelineExecutionId"}]}}
    assert asked_for(compiled(uri)) == []


def test_all_that_is_missing_is_listed_with_its_place_and_what_to_do() -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://theirs/model.tar.gz"}
    register = {
        "ModelPackageGroupName": "g",
        "InferenceSpecification": {"Containers": [container]},
    }
    text = compiled("s3://theirs/code", Name="First", Type="RegisterModel", Arguments=register)
    with pytest.raises(UsageError) as caught:
        check_inputs(parse_definition(text), {"Bucket": "theirs"}, lambda uri: False)
    assert str(caught.value).splitlines()[:3] == [
        "These inputs are not in the local S3 (nothing was started):",
        "  $.Steps[0].Arguments.ProcessingInputs[0].S3Input.S3Uri: s3://theirs/code",
        "  $.Steps[2].Arguments.InferenceSpecification.Containers[0].ModelDataUrl: s3://theirs/model.tar.gz",
    ]
    assert "--upload PATH=URI" in str(caught.value)


def test_an_object_is_there_by_its_key_or_by_a_folder_above_it(bench: Workbench) -> None:
    folder = bench.put("data", {"train/x.csv": "1"})
    assert is_there(bench.aws, f"{folder}train/x.csv")
    assert is_there(bench.aws, folder)
    assert is_there(bench.aws, f"{folder}train")
    assert is_there(bench.aws, f"{folder}trai"), "a prefix is one of names"
    assert not is_there(bench.aws, f"{folder}rain")
    assert not is_there(bench.aws, f"{folder}test/")
    assert not is_there(bench.aws, "s3://there-is-no-such-bucket/x")
