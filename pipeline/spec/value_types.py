"""Of which type the value of a Get will be, as far as that is known before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.spec.definition import ParameterType, Step
from pipeline.spec.for_each import selected
from pipeline.spec.properties import UnknownProperty, describe
from pipeline.spec.references import Path, Reference
from pipeline.spec.service_model import describe_shape
from pipeline.spec.step_types.output_parameters import outputs_of

# By the type of the shape in botocore's model; others are a text (a time) or no single value.
_OF_SHAPES: Mapping[str, ParameterType] = {
    "string": "String",
    "integer": "Integer",
    "long": "Integer",
    "float": "Float",
    "double": "Float",
    "boolean": "Boolean",
}

_DECLARED: Mapping[str, ParameterType] = {each: each for each in _OF_SHAPES.values()}


@dataclass(frozen=True)
class ValueTypes:
    """The types of the parameters, and of what the steps that a step sees will report."""

    parameters: Mapping[str, ParameterType]
    steps: Mapping[str, Step]

    def of(self, reference: Reference) -> ParameterType | None:
        """The type of what `reference` reads; None when it is not known."""
        if reference.root == "Parameters":
            return self.parameters.get(reference.name)
        step = self.steps.get(reference.name) if reference.root == "Steps" else None
        return None if step is None else _of_property(step, reference.path)


NOTHING_KNOWN = ValueTypes({}, {})


def _of_property(step: Step, path: Path) -> ParameterType | None:
    match path:
        case ("OutputParameters", str(name)):
            return _DECLARED.get(outputs_of(step).get(name, ""))
        case ("IterationOutputs", int(), str(name), *inside):
            body = next((each for each in step.body if each.name == name), None)
            return None if body is None else _of_property(body, tuple(inside))
        case ("Selected", *inside) if (how := selected(step)) is not None:
            body = next(each for each in step.body if each.name == how[1])
            return _of_property(body, tuple(inside))
    shape = describe_shape(step.type, path[0]) if path else None
    try:
        return None if shape is None else _OF_SHAPES.get(describe(shape, path, step).type_name)
    except UnknownProperty:
        return None
