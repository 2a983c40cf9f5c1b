"""Reads a definition out of a file, in whatever of its forms a user has it.

AWS gives a definition as text within the JSON of DescribePipeline; templates and scripts write it as a JSON string;
editors and shells of Windows write a byte order mark, or UTF-16. What is executed is the definition itself.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import DefinitionError, UsageError
from pipeline.plain_files import open_plain
from pipeline.shown import listed
from pipeline.spec.json_text import parse_json

# Definitions have at most a mebibyte (CreatePipeline); in UTF-16 and written twice that is less than this.
LARGEST_MIB = 16
# A string of JSON in a string of JSON: once is a slip, more is no definition.
_MOST_STRINGS = 2
_WITHIN = "PipelineDefinition"
_PIPELINE_NAME = re.compile(
    r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}"
)  # API reference, CreatePipeline, PipelineName


@dataclass(frozen=True)
class DefinitionFile:
    """The JSON text of the definition in a file.

    `form` says what the file is when it is not the definition alone, `pipeline_name` what it calls the pipeline.
    """

    text: str
    form: str | None = None
    pipeline_name: str | None = None


def read_definition_file(path: Path) -> DefinitionFile:
    """The definition in the file at `path`.

    Raises:
        UsageError: the file cannot be read, is no text, or holds an answer of AWS's without a definition.
        DefinitionError: it, or the definition that it holds as text, is not JSON.
    """
    text = _read_text(path)
    value = _parsed(text, f"{path}")
    for _ in range(_MOST_STRINGS):
        if isinstance(value, str):
            text, value = value, _parsed(value, f"the text that {path} holds")
    if not isinstance(value, dict) or "Steps" in value:
        return DefinitionFile(text)
    if _WITHIN in value:
        return _within(path, value)
    if "PipelineArn" in value or "PipelineSummaries" in value or "PipelineDefinitionS3Location" in value:
        raise UsageError(
            f"{path} is an answer of AWS's that holds no definition (it has {listed(sorted(value), 6)}). "
            "Get the definition with: aws sagemaker describe-pipeline --pipeline-name NAME --output text "
            "--query PipelineDefinition > FILE"
        )
    return DefinitionFile(text)


def _within(path: Path, answer: dict[str, Any]) -> DefinitionFile:
    """The definition in an answer of DescribePipeline, or in a request of CreatePipeline."""
    inner = answer[_WITHIN]
    text = inner if isinstance(inner, str) else json.dumps(inner)
    again = _parsed(text, f"the {_WITHIN} in {path}")
    if isinstance(again, str):
        text = again
    name = answer.get("PipelineName")
    named = isinstance(name, str) and _PIPELINE_NAME.fullmatch(name) is not None
    return DefinitionFile(
        text,
        f"{path} describes a pipeline: running the {_WITHIN} in it.",
        name if named else None,
    )


def _parsed(text: str, place: str) -> Any:
    """What the JSON `text` of `place` holds. Raises DefinitionError when it is no JSON."""
    try:
        return parse_json(text)
    except ValueError as error:
        raise DefinitionError(f"Could not read {place}: {error}. Correct the JSON.") from error


def _read_text(path: Path) -> str:
    doing = f"Could not read the pipeline definition {path}"
    advice = "Name a JSON file; this project's own is made with: python -m pipeline definition > FILE"
    try:
        with open_plain(path) as file:
            content = file.read(LARGEST_MIB * 2**20 + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{doing}: {reason}. {advice}") from None
    if len(content) > LARGEST_MIB * 2**20:
        raise UsageError(
            f"{doing}: it is larger than {LARGEST_MIB} MiB, and a definition has at most 1 MiB. {advice}"
        )
    encoding = json.detect_encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{doing}: it is not {encoding.removesuffix('-sig').upper()} text ({error.reason} at byte "
            f"{error.start}). {advice}"
        ) from None
