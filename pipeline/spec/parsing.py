"""Reads and checks a definition: the one way from JSON to the model, for the local engine and for AWS."""

from __future__ import annotations

from pipeline.errors import DefinitionError
from pipeline.spec.checking import check_definition
from pipeline.spec.definition import Definition, Json
from pipeline.spec.diagnostics import Findings
from pipeline.spec.json_text import note_odd_texts, parse_json
from pipeline.spec.reading import VERSION, read_definition


def parse_definition(text: str) -> Definition:
    """Read and check a compiled definition.

    Raises:
        DefinitionError: `text` is not JSON, is malformed, or uses what the local engine does not support; the
            message lists every problem with its JSON path.
    """
    definition, findings = examine(parse_text(text), text)
    findings.raise_if_any(definition.places)
    return definition


def read_checked(text: str) -> Definition:
    """The definition in `text`, which parse_definition has taken before; needs no installed package.

    Raises:
        DefinitionError: `text` is not JSON.
    """
    return read_definition(parse_text(text), text, Findings())


def parse_text(text: str) -> Json:
    """The JSON of a definition. Raises DefinitionError when `text` is none."""
    try:
        return parse_json(text)
    except ValueError as error:
        raise DefinitionError(f"Reading the pipeline definition: {error}. Correct the JSON.") from error


def examine(document: Json, text: str) -> tuple[Definition, Findings]:
    """The definition that the JSON `document` holds, without its malformed parts, and what is wrong with it."""
    findings = Findings()
    note_odd_texts(document, "$", findings)
    if findings.entries:  # No message about anything else could be printed.
        return Definition(VERSION, (), (), text), findings
    definition = read_definition(document, text, findings)
    check_definition(definition, findings)
    return definition, findings
