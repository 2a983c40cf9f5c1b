"""The form of a ForEach step, and the steps that it runs: one of each in its body for every item.

The words are those of the SageMaker SDK 3.27.0 (sagemaker.mlops.workflow.for_each_step): nothing else tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from pipeline.errors import StepFailed
from pipeline.shown import listed, shown
from pipeline.spec.definition import Definition, Dependency, Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.json_object import JsonObject
from pipeline.spec.json_path import child
from pipeline.spec.json_text import parse_json
from pipeline.spec.references import Path, look_up, parse_reference

MOST_ITEMS, MOST_AT_ONCE = 100, 50
PICKS = ("MaxBy", "MinBy")
# Its properties beside IterationOutputs[i].<step of the body> and Selected.
COUNTS = (
    "InputItemCount",
    "TotalStepCount",
    "SucceededStepCount",
    "FailedStepCount",
    "StoppedStepCount",
)
# The service takes a Tuning step there; here the children of children would have nobody to order them.
_NOT_IN_A_BODY = ("Condition", "Fail", "ForEach", "Tuning")


def read_body(step: Step, arguments: JsonObject, read: Callable[[JsonObject], list[Step]]) -> Step:
    """`step` with its own arguments alone, and the steps of its body, which `read` reads."""
    arguments.allow("IterableItems", "MaxConcurrency", "Selector", "ForEachBody")
    arguments.filled("ForEachBody", "step")
    body: list[Step] = []
    for entry in arguments.children("ForEachBody"):
        if entry.value.get("Type") in _NOT_IN_A_BODY:
            entry.note("Type", f"steps of the types {', '.join(_NOT_IN_A_BODY)} are not allowed in a body.")
        else:
            body += read(entry)
    own = {key: value for key, value in arguments.value.items() if key != "ForEachBody"}
    return replace(step, arguments=own, body=tuple(body))


def check_for_each(step: Step, outside: Collection[str], findings: Findings) -> None:
    """Notes what is malformed in the step's own arguments, and names that its children would share with others."""
    own = JsonObject(step.arguments, f"{step.json_path}.Arguments", findings)
    items = own.value.get("IterableItems")
    if isinstance(items, list):
        if not 1 <= len(items) <= MOST_ITEMS:
            own.note("IterableItems", f"must have 1 to {MOST_ITEMS} items, not {len(items)}.")
        for index, item in enumerate(items):
            if not (is_expression(item) or isinstance(item, str | int | float)):
                findings.add(
                    child(child(own.path, "IterableItems"), index),
                    f"must be a string, number, boolean or expression, not {shown(item)}.",
                )
    elif not is_expression(items):
        own.note(
            "IterableItems",
            f"must be a list, or an expression that yields one, not {shown(items)}.",
        )
    if "MaxConcurrency" not in own.value:
        own.note("MaxConcurrency", f"missing: give a whole number from 1 to {MOST_AT_ONCE}.")
    own.number("MaxConcurrency", 1, most=MOST_AT_ONCE, whole=True)
    if "Selector" in own.value:
        selector = own.child("Selector")
        selector.allow("Pick", "Field")
        selector.one_of("Pick", PICKS)
        if selected(step) is None:
            bodies = listed(f"IterationOutput.{each.name}.…" for each in step.body)
            selector.note("Field", f"must be a Get of {bodies}, not {shown(selector.value.get('Field'))}.")
    for each in step.body:
        for name in outside:
            if is_child(name, each.name):
                findings.add(
                    f"{each.json_path}.Name",
                    f"its children are named {each.name}-0 and so on, and so is another step: {name}.",
                )
        for dependency in each.depends_on:
            if dependency.trigger != "Completed" and dependency.step in outside:
                findings.add(
                    f"{each.json_path}.DependsOn",
                    f"{dependency.step} is not in the body: let {step.name} depend on it, with the trigger "
                    f"{dependency.trigger}.",
                )


def is_child(name: str, body: str) -> bool:
    """Whether a step of that name may be a child of the step `body` of a ForEach's body."""
    start, dash, number = name.rpartition("-")
    return start == body and dash == "-" and number.isascii() and number.isdigit()


def selected(step: Step) -> tuple[str, str, Path] | None:
    """How one iteration is selected: MaxBy or MinBy, the step of the body, and the path into its properties."""
    selector = step.arguments.get("Selector")
    field = selector.get("Field") if isinstance(selector, Mapping) else None
    if (
        not isinstance(selector, Mapping)
        or not isinstance(field, Mapping)
        or not isinstance(field.get("Get"), str)
    ):
        return None
    try:
        reference = parse_reference(field["Get"])
    except ValueError:
        return None
    if (
        reference.root != "IterationOutput"
        or not reference.path
        or reference.name not in map(_name, step.body)
    ):
        return None
    return str(selector.get("Pick")), reference.name, reference.path


def _name(step: Step) -> str:
    return step.name


def every_request(definition: Definition) -> Iterator[Step]:
    """All steps that ask for something, with those in bodies, whose requests are their children's."""
    for step in definition.steps:
        yield step
        yield from step.body


def items_of(value: Json) -> list[Json]:
    """The items that the resolved IterableItems stand for: a list, or the text of a JSON list.

    Raises:
        ValueError: it is neither.
    """
    found = value
    if isinstance(value, str):
        try:
            found = parse_json(value)
        except ValueError as error:
            raise ValueError(
                f"IterableItems must be a JSON list, not {shown(value)} ({error}). In Python write it with "
                "json.dumps: the SDK's start() sends a list in Python's spelling."
            ) from None
    if not isinstance(found, list):
        raise ValueError(f"IterableItems must be a list, not {shown(value)}.")
    return found


def children_of(step: Step, items: list[Json]) -> list[Step]:
    """The steps that run, for one item after the other: `<step of the body>-<index of the item>`.

    What they read of each other is of their own iteration; the ForEach waited for all else.

    Raises:
        StepFailed: an item has not what the body reads of it.
    """
    found = []
    names = {each.name for each in step.body}
    for index, item in enumerate(items):
        own = _Iteration(index, item, names)
        for each in step.body:
            try:
                arguments = own.put_into(each.arguments)
            except ValueError as error:
                raise StepFailed(
                    f"Could not make {own.child(each.name)} for the item {shown(item)}: {error}"
                ) from error
            inside = tuple(
                Dependency(own.child(dependency.step), dependency.trigger)
                for dependency in each.depends_on
                if dependency.step in names
            )
            found.append(replace(each, name=own.child(each.name), arguments=arguments, depends_on=inside))
    return found


class _Iteration:
    """What the expressions of a body stand for in one iteration."""

    def __init__(self, index: int, item: Json, names: Collection[str]) -> None:
        self._index, self._item, self._names = index, item, names

    def child(self, name: str) -> str:
        """What the step of the body is called in this iteration."""
        return f"{name}-{self._index}"

    def put_into(self, value: Json) -> Json:
        """A copy of `value` with the item, and the names of this iteration's steps. Raises ValueError."""
        if isinstance(value, list):
            return [self.put_into(each) for each in value]
        if not isinstance(value, Mapping):
            return value
        if not (is_expression(value) and isinstance(text := value.get("Get"), str)):
            return {key: self.put_into(each) for key, each in value.items()}
        reference = parse_reference(text)
        if reference.root == "ForEach":
            return _written(self._part(reference.path))
        if reference.root == "Steps" and reference.name in self._names:
            start = f"Steps.{reference.name}"
            return {"Get": f"Steps.{self.child(reference.name)}{text.removeprefix(start)}"}
        return value

    def _part(self, path: Path) -> Json:
        item = self._item
        if path and isinstance(item, str):
            try:
                item = parse_json(item)
            except ValueError:
                raise ValueError(f"it is not the text of a JSON object, which has {shown(path[0])}") from None
        return look_up(item, path)


def _written(value: Json) -> Json:
    """An object or a list as its text: requests have no place for them, and one may look like an expression."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) or value is None else value
