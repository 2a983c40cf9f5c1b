"""Rules for how many parameters a definition has, and for the values that an execution gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.shown import listed
from pipeline.spec.definition import Definition, Json
from pipeline.spec.parameters import convert_json
from pipeline.spec.service_model import shape
from pipeline.spec.shapes import mismatches

NOT_EMPTY = 'must not be empty; give a text such as "none".'


def at_most_200_parameters(definition: Definition, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """StartPipelineExecution takes at most 200 parameters.

    API reference, StartPipelineExecution, PipelineParameters.
    """
    most, count = shape("ParameterList").metadata["max"], len(definition.parameters)
    if count > most:
        yield "$.Parameters", f"a pipeline may have at most {most} parameters, not {count}."


def default_texts_are_not_empty(
    definition: Definition, given: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    """No parameter's default is an empty text: Studio's form could not hand it on.

    API reference, Parameter, Value, as in given_parameters. Whether AWS refuses the definition is not documented.
    """
    for index, parameter in enumerate(definition.parameters):
        if parameter.default == "":
            yield f"$.Parameters[{index}].DefaultValue", NOT_EMPTY


def given_parameters(definition: Definition, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The given values belong to parameters of the definition, are of their types, and have 1 to 1,024 characters.

    API reference, Parameter: "Name: must match a named parameter in the pipeline definition"; Value. The API's
    model allows no character, the service does not: `string "" is too short (length: 0, required minimum: 1)`
    (issue 4016 of aws/sagemaker-python-sdk).
    """
    parameters = {parameter.name: parameter for parameter in definition.parameters}
    for name, value in given.items():
        if name not in parameters:
            yield (
                "$.Parameters",
                f"the pipeline has no parameter {name}, only: {listed(parameters)}.",
            )
            continue
        try:
            convert_json(parameters[name], value)
        except ValueError as error:
            yield "$.Parameters", f"{name}: {error}"
        if value == "":
            yield "$.Parameters", f"{name}: {NOT_EMPTY}"
        elif isinstance(value, str):
            for found in mismatches(value, shape("String1024"), "$.Parameters"):
                yield found.path, f"{name}: {found.message}"


RULES = (at_most_200_parameters, default_texts_are_not_empty, given_parameters)
