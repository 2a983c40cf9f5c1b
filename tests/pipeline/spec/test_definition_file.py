from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DefinitionError, UsageError
from pipeline.spec.definition_file import LARGEST_MIB, read_definition_file

DEFINITION = {"Version": "2020-12-01", "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {}}]}
TEXT = json.dumps(DEFINITION)
DESCRIBED = {"PipelineArn": "arn:aws:…", "PipelineName": "faces", "PipelineStatus": "Active"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "definition.json"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"]
)
def test_a_definition_is_read_in_every_encoding_that_json_may_have(file: Path, encoding: str) -> None:
    file.write_bytes(TEXT.encode(encoding))
    assert json.loads(read_definition_file(file).text) == DEFINITION


@pytest.mark.parametrize("text", [TEXT, json.dumps(TEXT), json.dumps(json.dumps(TEXT))])
def test_a_string_that_holds_the_definition_is_unpacked(file: Path, text: str) -> None:
    file.write_text(text)
    found = read_definition_file(file)
    assert (found.text, found.form, found.pipeline_name) == (TEXT, None, None)


@pytest.mark.parametrize("within", [TEXT, DEFINITION, json.dumps(TEXT)])
def test_the_definition_in_an_answer_of_describe_pipeline_is_found(file: Path, within: Any) -> None:
    file.write_text(json.dumps({**DESCRIBED, "PipelineDefinition": within}))
    found = read_definition_file(file)
    assert json.loads(found.text) == DEFINITION
    assert found.form == f"{file} describes a pipeline: running the PipelineDefinition in it."
    assert found.pipeline_name == "faces"


def test_a_pipeline_is_not_called_by_a_name_that_no_pipeline_can_have(file: Path) -> None:
    file.write_text(json.dumps({"PipelineName": "../x", "PipelineDefinition": TEXT}))
    assert read_definition_file(file).pipeline_name is None


def test_an_answer_without_a_definition_is_named_for_what_it_is(file: Path) -> None:
    file.write_text(json.dumps(DESCRIBED))
    with pytest.raises(UsageError) as caught:
        read_definition_file(file)
    assert str(caught.value) == (
        f"{file} is an answer of AWS's that holds no definition (it has PipelineArn, PipelineName, "
        "PipelineStatus). Get the definition with: aws sagemaker describe-pipeline --pipeline-name NAME "
        "--output text --query PipelineDefinition > FILE"
    )


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"PipelineDefinition": 3}'])
def test_what_is_no_definition_is_left_to_who_parses_it(file: Path, text: str) -> None:
    file.write_text(text)
    assert isinstance(read_definition_file(file).text, str)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "{file}"),
        ('"words"', "the text that {file} holds"),
        ('{"PipelineDefinition": "{"}', "the PipelineDefinition in {file}"),
    ],
)
def test_what_is_not_json_is_named_with_its_file(file: Path, text: str, place: str) -> None:
    file.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        read_definition_file(file)
    assert str(caught.value).startswith(
        f"Could not read {place.format(file=file)}: it is not JSON: Expecting "
    )


def test_what_cannot_be_read_is_refused_with_its_reason(file: Path) -> None:
    refusals = {}
    for content in (None, b"\x89PNG\xff", b" " * (LARGEST_MIB * 2**20 + 1)):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(UsageError) as caught:
            read_definition_file(file)
        refusals[content and content[:4]] = str(caught.value).removeprefix(
            f"Could not read the pipeline definition {file}: "
        )
    assert [text.partition(". ")[0] for text in refusals.values()] == [
        "No such file or directory",
        "it is not UTF-8 text (invalid start byte at byte 0)",
        "it is larger than 16 MiB, and a definition has at most 1 MiB",
    ]
    with pytest.raises(UsageError, match="a folder, not a plain file"):
        read_definition_file(file.parent)
