"""Rules for a definition's parameters and for the values that an execution gives them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.validation.constraints import violations
from pipeline.spec.validation.document import Document, Json, child_path, entries
from pipeline.spec.validation.service_model import shape
from pipeline.spec.vocabulary import DEFAULT_PARAMETER_TYPE

# Definition schema, StringParameter, IntegerParameter, FloatParameter, BooleanParameter.
PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}

NOT_EMPTY = 'expected a text that is not empty, such as "none"'


def fits(value: Json, parameter_type: Json) -> bool:
    """Whether `value` is of the JSON type that `parameter_type` asks for."""
    wanted = PYTHON_TYPES.get(str(parameter_type), ())
    return isinstance(value, wanted) and (parameter_type == "Boolean" or not isinstance(value, bool))


def named(document: Document) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The parameters that have a name, with their paths, as the definition lists them."""
    for index, parameter in entries(document.raw.get("Parameters", [])):
        if isinstance(parameter.get("Name"), str):
            yield f"$.Parameters[{index}]", parameter


def at_most_200_parameters(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """StartPipelineExecution takes at most 200 parameters.

    API reference, StartPipelineExecution, PipelineParameters.
    """
    for found in violations(document.raw.get("Parameters", []), shape("ParameterList"), "$.Parameters"):
        if found.kind == "size":
            yield found.path, found.message


def parameter_names(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Each parameter has a name of its own, of letters, digits, - and _.

    API reference, Parameter, Name. Definition schema, ParameterName.
    """
    names = Counter(parameter.get("Name") for _, parameter in named(document))
    for path, parameter in named(document):
        at, name = child_path(path, "Name"), parameter.get("Name")
        for found in violations(name, shape("PipelineParameterName"), at):
            yield at, found.message
        if names[name] > 1:
            yield at, f"expected a name of its own. Received: {shown(name)}, {names[name]} times"


def parameter_types(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A parameter is a String, Integer, Float or Boolean; its default and enum values are of that type.

    One without a Type is a String. Definition schema, StringParameter to BooleanParameter. Developer guide,
    "Pipeline parameters".
    """
    for path, parameter in named(document):
        kind = parameter.get("Type", DEFAULT_PARAMETER_TYPE)
        if not isinstance(kind, str) or kind not in PYTHON_TYPES:
            yield (
                child_path(path, "Type"),
                f"expected one of {', '.join(PYTHON_TYPES)}. Received: {shown(kind)}",
            )
            continue
        default = parameter.get("DefaultValue")
        if "DefaultValue" in parameter and not fits(default, kind):
            yield (
                child_path(path, "DefaultValue"),
                f"expected a value of type {kind}. Received: {shown(default)}",
            )


def parameter_enums(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """A default and a given value are among the parameter's EnumValues, where it has them.

    SageMaker SDK, ParameterString: "enum_values: a list of string values that this parameter accepts".
    """
    for path, parameter in named(document):
        enum = parameter.get("EnumValues")
        if not isinstance(enum, list):
            continue
        name = str(parameter.get("Name"))
        for at, value in (
            (child_path(path, "DefaultValue"), parameter.get("DefaultValue")),
            (path, given.get(name)),
        ):
            if value is not None and value not in enum:
                yield at, f"{name}: expected one of {listed(enum)}. Received: {shown(value)}"


def default_texts_are_not_empty(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """No parameter's default is an empty text: Studio's form could not hand it on.

    API reference, Parameter, Value, as in given_parameters. Whether AWS refuses the definition is not documented.
    """
    for path, parameter in named(document):
        if parameter.get("DefaultValue") == "":
            yield child_path(path, "DefaultValue"), f'{NOT_EMPTY}. Received: ""'


def given_parameters(document: Document, given: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """The given values belong to parameters of the definition, are of their types, and have 1 to 1,024 characters.

    API reference, Parameter: "Name: must match a named parameter in the pipeline definition"; Value. The API's
    model allows no character, the service does not: `string "" is too short (length: 0, required minimum: 1)`
    (issue 4016 of aws/sagemaker-python-sdk).
    """
    for name, value in given.items():
        parameter = document.parameters.get(name)
        if parameter is None:
            known = listed(document.parameters)
            yield "$.Parameters", f"expected values for parameters out of {known}. Received: {name}"
        elif not fits(value, kind := parameter.get("Type", DEFAULT_PARAMETER_TYPE)):
            yield (
                "$.Parameters",
                f"{name}: expected a value of type {kind}. Received: {shown(value)}",
            )
        elif value == "":
            yield "$.Parameters", f'{name}: {NOT_EMPTY}. Received: ""'
        else:
            for found in violations(value, shape("String1024"), "$.Parameters"):
                yield found.path, f"{name}: {found.message}"


RULES = (
    at_most_200_parameters,
    parameter_names,
    parameter_types,
    parameter_enums,
    default_texts_are_not_empty,
    given_parameters,
)
