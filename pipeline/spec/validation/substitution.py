"""Replaces the expressions in steps' arguments by values, so that these can be checked before anything runs.

Parameters get the given value or their default. Execution variables and what a finished step will report get
samples of the right form: a property that the step's own request fixes (an output's S3 URI) gets that, the others
a sample made from the shape of the Describe response.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pipeline.shown import listed, shown
from pipeline.spec.validation.document import Document, Json, Step, child_path, entries, look_up
from pipeline.spec.validation.problem import Problem
from pipeline.spec.validation.properties import Placeholder, UnknownProperty, sample_property
from pipeline.spec.validation.references import Reference, is_expression, parse_reference, references
from pipeline.spec.validation.service_model import sample_job_name
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES, execution_variables

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
    """The expression has no value before the execution runs, or is wrong (and then reported)."""


class Substitution:
    """Replaces expressions in the steps of one document; collects in `problems` what is wrong with them."""

    def __init__(self, document: Document, given: Mapping[str, Json]) -> None:
        self.document = document
        self.given = given
        self.problems: list[Problem] = []
        self._done: dict[str, Step] = {}
        self._named = {step.name: step for step in reversed(document.steps)}
        self._open: set[str] = set()

    def apply_all(self) -> tuple[Step, ...]:
        """All steps as `apply` gives them, each after those that it reads: a long chain must not recurse."""
        for first in self.document.steps:
            under_way = [] if first.path in self._done else [(first, self._sources(first))]
            while under_way:
                step, sources = under_way[-1]
                self._open.add(step.name)
                following = next(sources, None)
                if following is None:
                    self.apply(step)
                    under_way.pop()
                elif following.path not in self._done and following.name not in self._open:
                    under_way.append((following, self._sources(following)))
        return tuple(map(self.apply, self.document.steps))

    def _sources(self, step: Step) -> Iterator[Step]:
        """The steps whose properties the arguments of `step` read."""
        for _, reference in references(step.arguments, ""):
            if reference.root == "Steps" and reference.name in self._named:
                yield self._named[reference.name]

    def apply(self, step: Step) -> Step:
        """The step with every expression in its arguments replaced, and the paths that got only a placeholder."""
        if step.path not in self._done:
            self._open.add(step.name)
            unknown: set[str] = set()
            arguments = {
                key: self._replace(value, step.argument_path(key), step, unknown)
                for key, value in step.arguments.items()
            }
            self._open.discard(step.name)
            self._done[step.path] = replace(step, arguments=arguments, unknown_values=frozenset(unknown))
        return self._done[step.path]

    def _replace(self, value: Json, path: str, step: Step, unknown: set[str]) -> Json:
        if is_expression(value):
            try:
                return self._evaluate(value, path, step)
            except NoValue:
                unknown.add(path)
                return Placeholder("placeholder")
        if isinstance(value, Mapping):
            return {
                key: self._replace(item, child_path(path, key), step, unknown) for key, item in value.items()
            }
        if isinstance(value, list):
            return [
                self._replace(item, child_path(path, index), step, unknown)
                for index, item in enumerate(value)
            ]
        return value

    def _evaluate(self, value: Json, path: str, step: Step) -> Json:
        """The value of an expression. Raises NoValue after reporting what is wrong, if something is."""
        function, argument = next(iter(value.items()))
        if function == "Get":
            return self._get(argument, path, step)
        if function == "Std:Join":
            return self._join(argument, path, step)
        if function == "Std:JsonGet":
            self._check_json_get(argument, path, step)
            raise NoValue
        raise self._report(
            step, path, "known-expression", f"expected Get, Std:Join or Std:JsonGet. Received: {function}"
        )

    def _report(self, step: Step, path: str, rule: str, message: str) -> NoValue:
        self.problems.append(Problem(step.name, path, rule, message))
        return NoValue(message)

    def _get(self, text: Json, path: str, step: Step) -> Json:
        reference = parse_reference(text)
        if reference is None:
            expected = "Parameters.Name, Execution.Name or Steps.Name.Property"
            raise self._report(
                step, path, "known-expression", f"expected {expected}. Received: {shown(text)}"
            )
        if reference.root == "Parameters":
            return self._parameter(reference.name, path, step)
        if reference.root == "Execution":
            return self._execution_variable(reference.name, path, step)
        if reference.root != "Steps":
            self._check_iteration(reference, path, step)
            raise NoValue
        return self._property(reference, path, step)

    def _check_iteration(self, reference: Reference, path: str, step: Step) -> None:
        """See that an item is read in a body alone, and an iteration's output by a ForEach step alone."""
        around = None if step.inside is None else self.document.step(step.inside)
        reader = around if reference.root == "ForEach" else step
        if reader is None or reader.type != "ForEach":
            place = "the body" if reference.root == "ForEach" else "the Selector"
            expected = f"{reference.root} in {place} of a ForEach step only"
            raise self._report(step, path, "known-expression", f"expected {expected}. Received: {step.name}")

    def _parameter(self, name: str, path: str, step: Step) -> Json:
        parameter = self.document.parameters.get(name)
        if parameter is None:
            names = listed(self.document.parameters)
            raise self._report(step, path, "known-parameter", f"expected one of: {names}. Received: {name}")
        if name in self.given:
            return self.given[name]
        if "DefaultValue" in parameter:
            return parameter["DefaultValue"]
        raise NoValue

    def _execution_variable(self, name: str, path: str, step: Step) -> str:
        if name == JOB_NAME_VARIABLES.get(step.type):
            return sample_job_name(step.name)
        if name in EXECUTION_SAMPLES:
            return EXECUTION_SAMPLES[name]
        names = ", ".join(execution_variables(step.type))
        raise self._report(
            step, path, "known-execution-variable", f"expected one of: {names}. Received: {name}"
        )

    def _property(self, reference: Reference, path: str, step: Step) -> Json:
        source = self._named.get(reference.name)
        if source is None:
            names = listed(known.name for known in self.document.steps)
            message = f"expected one of: {names}. Received: {reference.name}"
            raise self._report(step, path, "known-step", message)
        # Steps that refer to each other in a circle are reported by a rule of their own.
        finished = source if source.name in self._open else self.apply(source)
        try:
            value = sample_property(finished, reference.parts)
        except UnknownProperty as error:
            raise self._report(step, path, "known-property", str(error)) from error
        if value is None:
            raise NoValue
        return value

    def _join(self, argument: Json, path: str, step: Step) -> str:
        values, on = look_up(argument, "Values"), look_up(argument, "On")
        if not isinstance(values, list) or not (on is None or isinstance(on, str)):
            expected = 'an object with the list "Values" and the string "On"'
            raise self._report(
                step, path, "known-expression", f"expected {expected}. Received: {shown(argument, 80)}"
            )
        parts, failed = [], False
        for index, item in enumerate(values):
            at = child_path(path, "Std:Join", "Values", index)
            try:
                part = self._evaluate(item, at, step) if is_expression(item) else item
            except NoValue:
                failed = True
                continue
            if isinstance(part, dict | list) or part is None:
                self._report(
                    step, at, "known-expression", f"expected text or a number. Received: {shown(part, 80)}"
                )
                failed = True
            parts.append(part if isinstance(part, str) else json.dumps(part))
        if failed:
            raise NoValue
        return (on or "").join(parts)

    def _check_json_get(self, argument: Json, path: str, step: Step) -> None:
        file, json_path = look_up(argument, "PropertyFile", "Get"), look_up(argument, "Path")
        reference = parse_reference(file)
        if not isinstance(json_path, str) or not json_path:
            self._report(
                step, path, "known-expression", f"expected a Path into the file. Received: {shown(json_path)}"
            )
        if look_up(argument, "S3Uri") is not None and file is None:
            return
        if (
            reference is None
            or reference.root != "Steps"
            or len(reference.parts) != 2
            or reference.parts[0] != "PropertyFiles"
        ):
            expected = "a PropertyFile: Steps.Name.PropertyFiles.Name"
            self._report(step, path, "known-expression", f"expected {expected}. Received: {shown(file)}")
            return
        source = self._named.get(reference.name)
        if source is None:
            self._report(step, path, "known-step", f"expected a step's name. Received: {reference.name}")
            return
        declared = [item.get("PropertyFileName") for _, item in entries(source.raw.get("PropertyFiles"))]
        if reference.parts[1] not in declared:
            self._report(
                step,
                path,
                "known-property-file",
                f"expected a property file that the step {source.name} declares "
                f"({listed(declared)}). Received: {reference.parts[1]}",
            )
