"""Replaces the expressions in steps' arguments by values, so that these can be checked before anything runs.

Parameters get the given value or their default. Execution variables and what a finished step will report get
samples of the right form: a property that the step's own request fixes (an output's S3 URI) gets that, the others
a sample made from the shape of the Describe response. What is wrong with an expression has been noted before
(../expression_checking.py), but for what only the values of parameters show: an output that is called otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline.spec.definition import MISSING, Definition, Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import as_text, is_expression, steps_referenced
from pipeline.spec.for_each import every_request
from pipeline.spec.json_path import child
from pipeline.spec.json_values import value_at
from pipeline.spec.properties import Placeholder, UnknownProperty, sample_property
from pipeline.spec.references import Reference, parse_reference
from pipeline.spec.service_model import sample_job_name
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES

# SageMaker SDK, ExecutionVariables; values of the form that the service gives.
EXECUTION_SAMPLES = {
    "PipelineName": "sample",
    "PipelineArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/sample",
    "PipelineExecutionId": "abcdefghijkl",
    "PipelineExecutionArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/sample/execution/abcdefghijkl",
    "StartDateTime": "2026-01-01T00:00:00.000Z",
    "CurrentDateTime": "2026-01-01T00:00:00.000Z",
}


class NoValue(Exception):
    """The expression has no value before the execution runs, or is wrong (and then noted)."""


@dataclass(frozen=True)
class Resolved:
    """A step whose arguments hold values; what is said of the paths in `unknown`, which got a placeholder, means
    nothing. `differs`: from the step in the definition, which has been checked as it is."""

    step: Step
    unknown: frozenset[str]
    differs: bool


class Substitution:
    """Replaces expressions in the steps of one definition; notes in `findings` what the values show to be wrong."""

    def __init__(self, definition: Definition, given: Mapping[str, Json]) -> None:
        self.findings = Findings()
        self._steps = tuple(every_request(definition))
        self._named = {step.name: step for step in reversed(self._steps)}
        defaults = {each.name: each.default for each in definition.parameters if each.default is not MISSING}
        self._parameters = {**defaults, **given}
        self._done: dict[str, Resolved] = {}
        self._open: set[str] = set()

    def apply_all(self) -> tuple[Resolved, ...]:
        """All steps as `apply` gives them, each after those that it reads: a long chain must not recurse."""
        for first in self._steps:
            under_way = [] if first.json_path in self._done else [(first, self._sources(first))]
            while under_way:
                step, sources = under_way[-1]
                self._open.add(step.name)
                following = next(sources, None)
                if following is None:
                    self.apply(step)
                    under_way.pop()
                elif following.json_path not in self._done and following.name not in self._open:
                    under_way.append((following, self._sources(following)))
        return tuple(map(self.apply, self._steps))

    def _sources(self, step: Step) -> Iterator[Step]:
        """The steps whose properties the arguments of `step` read."""
        return (self._named[name] for name in steps_referenced(step.arguments) if name in self._named)

    def apply(self, step: Step) -> Resolved:
        """The step with every expression in its arguments replaced, and the paths that got only a placeholder."""
        if step.json_path not in self._done:
            self._open.add(step.name)
            unknown: set[str] = set()
            arguments = {
                key: self._replace(value, step.argument_path(key), step, unknown)
                for key, value in step.arguments.items()
            }
            self._open.discard(step.name)
            self._done[step.json_path] = Resolved(
                replace(step, arguments=arguments), frozenset(unknown), arguments != step.arguments
            )
        return self._done[step.json_path]

    def _replace(self, value: Json, path: str, step: Step, unknown: set[str]) -> Json:
        if is_expression(value):
            try:
                return self._value(value, path, step)
            except NoValue:
                unknown.add(path)
                return Placeholder("placeholder")
        if isinstance(value, Mapping):
            return {key: self._replace(item, child(path, key), step, unknown) for key, item in value.items()}
        if isinstance(value, list):
            return [
                self._replace(item, child(path, index), step, unknown) for index, item in enumerate(value)
            ]
        return value

    def _value(self, expression: Json, path: str, step: Step) -> Json:
        """The value of an expression. Raises NoValue."""
        function, operand = next(iter(expression.items()))
        if function == "Std:Join":
            return self._join(operand, child(path, function), step)
        try:
            reference = parse_reference(operand if function == "Get" else None)
        except ValueError:
            raise NoValue from None
        if reference.root == "Parameters" and reference.name in self._parameters:
            return self._parameters[reference.name]
        if reference.root == "Execution" and reference.name == JOB_NAME_VARIABLES.get(step.type):
            return sample_job_name(step.name)
        if reference.root == "Execution" and reference.name in EXECUTION_SAMPLES:
            return EXECUTION_SAMPLES[reference.name]
        if reference.root == "Steps" and reference.path and reference.name in self._named:
            return self._property(reference, child(path, function))
        raise NoValue

    def _property(self, reference: Reference, path: str) -> Json:
        source = self._named[reference.name]
        # Steps that refer to each other in a circle are noted as that.
        finished = source if source.name in self._open else self.apply(source).step
        try:
            value = sample_property(finished, reference.path)
        except UnknownProperty as error:
            self.findings.add(path, str(error))
            raise NoValue from error
        if value is None:
            raise NoValue
        return value

    def _join(self, operand: Json, path: str, step: Step) -> str:
        values, on = value_at(operand, "Values"), value_at(operand, "On")
        if not isinstance(values, list) or not (on is None or isinstance(on, str)):
            raise NoValue
        parts = []
        for index, item in enumerate(values):
            part = (
                self._value(item, child(child(path, "Values"), index), step) if is_expression(item) else item
            )
            try:
                parts.append(as_text(part))
            except ValueError:
                raise NoValue from None
        return (on or "").join(parts)
