"""Reads a definition's JSON into a flat list of steps with their paths, keeping on past what is malformed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.json_path import child
from pipeline.shown import shown
from pipeline.spec.validation.problem import Problem

# What json.loads returns: None, bool, int, float, str, list or dict.
Json = Any
# The arguments of a step that are steps themselves.
NESTED: Mapping[str, tuple[str, ...]] = {
    "Condition": ("IfSteps", "ElseSteps"),
    "ForEach": ("ForEachBody",),
}


@dataclass(frozen=True)
class Step:
    """A step. `raw` is its JSON; `arguments` its Arguments, with expressions until a Substitution replaces them.

    A Condition's branches and a ForEach's body (see NESTED) are not part of its arguments: they are steps of the
    document. `inside` names the step in whose branch or body it stands. `unknown_values` are the paths of
    expressions that have no value before the execution runs: what the checks say about these paths means nothing.
    """

    name: str
    type: str
    path: str
    raw: Mapping[str, Json]
    arguments: Mapping[str, Json]
    inside: str | None = None
    unknown_values: frozenset[str] = frozenset()

    def argument_path(self, *keys: str | int) -> str:
        """The JSON path of an argument."""
        return child_path(f"{self.path}.Arguments", *keys)


@dataclass(frozen=True)
class Document:
    """A definition: as it was given, its parameters by name, its steps with nested ones after theirs."""

    raw: Mapping[str, Json]
    parameters: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def step(self, name: str) -> Step | None:
        """The step called `name`, or None."""
        return next((step for step in self.steps if step.name == name), None)


def child_path(path: str, *keys: str | int) -> str:
    """`path` extended by keys and list indices, written as botocore writes them: $.Steps[0].Arguments.RoleArn."""
    for key in keys:
        path = child(path, key)
    return path


def look_up(value: Json, *keys: str | int) -> Json:
    """What the object `value` holds under `keys`, one within the other; None when there is no such thing."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def entries(value: Json) -> list[tuple[int, Mapping[str, Json]]]:
    """The objects of a list with their indices; nothing when `value` is no list."""
    return (
        [pair for pair in enumerate(value) if isinstance(pair[1], Mapping)] if isinstance(value, list) else []
    )


def members(value: Json) -> Mapping[str, Json]:
    """`value` when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def strings(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Every string in `value` with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings(item, child_path(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strings(item, child_path(path, index))


def read_document(definition: Json) -> tuple[Document, list[Problem]]:
    """The definition as a Document, without its malformed parts, and a problem for each of those."""
    problems: list[Problem] = []

    def malformed(path: str, expected: str, value: Json) -> None:
        message = f"expected {expected}. Received: {shown(value, 80)}"
        problems.append(Problem(None, path, "well-formed", message))

    def read_steps(value: Json, path: str, inside: str | None) -> Iterator[Step]:
        if not isinstance(value, list):
            malformed(path, "a list of steps", value)
            return
        for index, raw in enumerate(value):
            at = child_path(path, index)
            if not isinstance(raw, Mapping):
                malformed(at, "a step: an object with Name, Type and Arguments", raw)
                continue
            name, kind, arguments = raw.get("Name"), raw.get("Type"), raw.get("Arguments")
            if not isinstance(name, str):
                malformed(child_path(at, "Name"), "the step's name", name)
            if not isinstance(kind, str):
                malformed(child_path(at, "Type"), "the step's type, such as Training", kind)
            if not isinstance(arguments, Mapping):
                malformed(child_path(at, "Arguments"), "an object with the step's arguments", arguments)
            if not (isinstance(name, str) and isinstance(kind, str) and isinstance(arguments, Mapping)):
                continue
            branches = NESTED.get(kind, ())
            own = {key: item for key, item in arguments.items() if key not in branches}
            yield Step(name, kind, at, raw, own, inside)
            for branch in branches:
                if branch in arguments:
                    yield from read_steps(arguments[branch], child_path(at, "Arguments", branch), name)

    if not isinstance(definition, Mapping):
        malformed("$", "an object with Version, Parameters and Steps", definition)
        return Document({}), problems
    parameters = {}
    listed = definition.get("Parameters", [])
    if not isinstance(listed, list):
        malformed("$.Parameters", "a list of parameters", listed)
        listed = []
    for index, parameter in enumerate(listed):
        if isinstance(parameter, Mapping) and isinstance(parameter.get("Name"), str):
            parameters[parameter["Name"]] = parameter
        else:
            malformed(f"$.Parameters[{index}]", "a parameter: an object with a Name", parameter)
    steps = tuple(read_steps(definition.get("Steps"), "$.Steps", None))
    return Document(definition, parameters, steps), problems
