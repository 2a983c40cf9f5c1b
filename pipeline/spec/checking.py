"""Checks what the names and expressions of a definition refer to, before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.json_path import child
from pipeline.near_match import did_you_mean
from pipeline.shown import listed, shown
from pipeline.spec.conditions import check_condition
from pipeline.spec.definition import MISSING, Definition, Json, Parameter, Step, Trigger
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import FUNCTIONS, as_text, is_expression, references
from pipeline.spec.for_each import COUNTS, check_for_each, every_request, selected
from pipeline.spec.graph import cycles, dependencies
from pipeline.spec.json_object import JsonObject
from pipeline.spec.limits import check_limits
from pipeline.spec.parameters import convert
from pipeline.spec.references import Path, Reference, parse_path, parse_reference, written
from pipeline.spec.refusals import refuse_arguments, refuse_members
from pipeline.spec.request_schema import check_request
from pipeline.spec.step_types import STEP_TYPES, is_executed
from pipeline.spec.validation import document as validation
from pipeline.spec.validation.properties import UnknownProperty, check_property
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES, execution_variables

_EXPERIMENT_NAMES = ("ExperimentName", "TrialName")
_JOB_OF = {variable: step_type for step_type, variable in JOB_NAME_VARIABLES.items()}


def check_definition(definition: Definition, findings: Findings) -> None:
    """Notes duplicate names, unknown references, malformed expressions, cycles and unsupported arguments."""
    _note_duplicates(((f"$.Parameters[{i}]", p.name) for i, p in enumerate(definition.parameters)), findings)
    _note_duplicates(((step.json_path, step.name) for step in every_request(definition)), findings)
    for index, parameter in enumerate(definition.parameters):
        _check_parameter(parameter, f"$.Parameters[{index}]", findings)
    steps = {step.name: step for step in definition.steps}
    types = {parameter.name: parameter.type for parameter in definition.parameters}
    loops = {each.name: step.name for step in definition.steps for each in step.body}
    checker = _ExpressionChecker(types, steps, definition.experiment, findings, loops)
    _check_names("PipelineExperimentConfig", definition.experiment, types, findings)
    _check_names("MlflowConfig", definition.mlflow, types, findings)
    for step in every_request(definition):
        loop = loops.get(step.name)
        seen = steps if loop is None else {**steps, **{each.name: each for each in steps[loop].body}}
        if step.type == "ForEach":
            check_for_each(step, steps, findings)
        _check_step(step, replace(checker, steps=seen, step_type=step.type, loop=loop), findings)
        path = f"{step.json_path}.Arguments"
        check_request(step.type, step.arguments, types, path, findings)
        refuse_arguments(step.type, step.arguments, path, findings)
        check_limits(step.type, step.arguments, path, findings)
        if (known := STEP_TYPES.get(step.type)) is not None and known.check_among is not None:
            known.check_among(step, seen, findings)
        refuse_members(step.type, step.members, step.json_path, findings)
    if not findings.entries:
        requests = {step.name: step for step in every_request(definition)}
        for cycle in cycles(dependencies(replace(definition, steps=tuple(requests.values())))):
            findings.add(requests[cycle[0]].json_path, f"these steps wait for each other: {_circle(cycle)}")


def _circle(names: list[str]) -> str:
    """The names of a circle in order; the middle of a long one is left out."""
    return " → ".join(names if len(names) <= 8 else [*names[:5], f"… {len(names) - 7} more …", *names[-2:]])


def _note_duplicates(names: Iterable[tuple[str, str]], findings: Findings) -> None:
    """Notes every name that an earlier one of the (JSON path, name) pairs has already."""
    first: dict[str, str] = {}
    for path, name in names:
        if name in first:
            findings.add(path, f"expected a name of its own. Received: {shown(name)}, as at {first[name]}")
        first.setdefault(name, path)


def _check_parameter(parameter: Parameter, path: str, findings: Findings) -> None:
    if parameter.default is MISSING:
        return
    try:
        # Only the command line may write a number as a string.
        if isinstance(parameter.default, str) and parameter.type != "String":
            raise ValueError(f"expected a JSON {parameter.type}. Received: {shown(parameter.default)}")
        convert(parameter, parameter.default)
    except ValueError as error:
        findings.add(f"{path}.DefaultValue", str(error))


def _check_names(
    where: str, names: Mapping[str, Json], parameters: Collection[str], findings: Findings
) -> None:
    """Notes names that are no strings, and expressions in them: they are evaluated before any step has run."""
    for key, value in names.items():
        path = f"$.{where}.{key}"
        if not isinstance(value, str) and not is_expression(value):
            findings.add(path, f"expected a string or an expression. Received: {shown(value)}")
        if _roots(value) & {"Steps", "PipelineExperimentConfig"}:
            findings.add(path, f"expected parameters and execution variables only. Received: {shown(value)}")
        else:
            _ExpressionChecker(parameters, {}, {}, findings).check(value, path)


def _roots(value: Json) -> set[str]:
    """What the expressions in `value` read."""
    return {reference.root for reference in references(value)}


def _check_step(step: Step, checker: _ExpressionChecker, findings: Findings) -> None:
    for dependency in step.depends_on:
        at = f"{step.json_path}.DependsOn"
        if (before := checker.require_step(dependency.step, at)) and dependency.trigger != "Completed":
            _check_trigger(step, dependency.trigger, before, at, findings)
    path = f"{step.json_path}.Arguments"
    if step.type == "Condition":
        for index, condition in enumerate(step.arguments["Conditions"]):
            check_condition(condition, f"{path}.Conditions[{index}]", findings)
    if step.type == "Fail":
        JsonObject(step.arguments, path, findings).allow("ErrorMessage")
        message = step.arguments.get("ErrorMessage", "")
        if not isinstance(message, str) and not is_expression(message):
            findings.add(
                f"{path}.ErrorMessage", f"expected a string or an expression. Received: {shown(message)}"
            )
    files = [(f"{step.json_path}.PropertyFiles[{i}]", file) for i, file in enumerate(step.property_files)]
    _note_duplicates(((path, file.name) for path, file in files), findings)
    outputs = _output_names(step)
    for file_path, file in files:
        if outputs is not None and file.output_name not in outputs:
            findings.add(
                f"{file_path}.OutputName",
                f"expected an output of the step: {listed(outputs)}. Received: {shown(file.output_name)}",
            )
    # What Field reads is an iteration's, and checked with the rest of the Selector.
    checker.check({key: value for key, value in step.arguments.items() if key != "Selector"}, path)
    if (how := selected(step)) is not None:
        _, name, inside = how
        at = f"{path}.Selector.Field.Get"
        checker.check_property_of(next(each for each in step.body if each.name == name), inside, at)
    checker.check(step.members, step.json_path)


def _check_trigger(step: Step, trigger: Trigger, before: Step, path: str, findings: Findings) -> None:
    """Notes a trigger that can never fire."""
    if before.type == "Fail":
        findings.add(
            path, f"nothing runs after a Fail step: it ends the execution. Received: {before.name}, {trigger}"
        )
    ways = {branch.condition_step: branch.taken for branch in before.branch}
    for branch in step.branch:
        if ways.get(branch.condition_step, branch.taken) != branch.taken:
            findings.add(
                path,
                f"step {before.name} is on the other branch of {branch.condition_step}, so of the two only one "
                f"can run. Received: {before.name}, {trigger}",
            )


def _output_names(step: Step) -> list[str] | None:
    """The names of a job's outputs; None when they cannot be read, which is noted elsewhere or not yet known."""
    config = step.arguments.get("ProcessingOutputConfig", {})
    outputs = config.get("Outputs", []) if isinstance(config, Mapping) else None
    if not isinstance(outputs, list) or not all(isinstance(output, Mapping) for output in outputs):
        return None
    return [str(output.get("OutputName")) for output in outputs]


@dataclass(frozen=True)
class _ExpressionChecker:
    """Checks every expression in a JSON value against the parameters, steps and experiment's names that exist.

    `step_type` is the type of the step in which the value stands; None: outside of steps. `loop` is the ForEach
    step in whose body that step stands, `loops` that of every step in a body.
    """

    parameters: Collection[str]
    steps: Mapping[str, Step]
    experiment: Mapping[str, Json]
    findings: Findings
    loops: Mapping[str, str] = field(default_factory=dict)
    step_type: str | None = None
    loop: str | None = None

    def check(self, value: Json, path: str) -> None:
        """Notes what is wrong with the expressions in `value`, which stands at `path`."""
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.check(item, child(path, index))
        elif isinstance(value, Mapping):
            if is_expression(value):
                ((function, operand),) = value.items()
                self._check_function(function, operand, child(path, function))
                return
            for key, item in value.items():
                if str(key).startswith("Std:"):
                    self.findings.add(child(path, key), "a function must be the only key of its object.")
                self.check(item, child(path, key))

    def require_step(self, name: str, path: str) -> Step | None:
        """The step called `name`; noted when there is none."""
        if name not in self.steps:
            hint = did_you_mean(name, self.steps)
            if loop := self.loops.get(name):
                hint = f" It runs for each item of {loop}: Steps.{loop}.IterationOutputs[0].{name}.… is the first."
            self.findings.add(path, f"there is no step {shown(name)}.{hint}")
        return self.steps.get(name)

    def _check_function(self, function: str, operand: Json, path: str) -> None:
        if function == "Get":
            self._check_get(operand, path)
        elif function not in FUNCTIONS:
            hint = did_you_mean(function, FUNCTIONS)
            self.findings.add(path, f"the local engine knows {', '.join(FUNCTIONS)} only.{hint}")
        elif function == "Std:Join":
            self._check_join(JsonObject.of(operand, path, self.findings))
        else:
            self._check_json_get(JsonObject.of(operand, path, self.findings))

    def _check_get(self, operand: Json, path: str) -> None:
        reference = self._parse(operand, path)
        if reference is None:
            return
        if reference.root == "Parameters":
            if reference.name not in self.parameters:
                hint = did_you_mean(reference.name, self.parameters)
                self.findings.add(path, f"there is no parameter {shown(reference.name)}.{hint}")
        elif reference.root in ("Execution", "PipelineExperimentConfig"):
            known = (
                execution_variables(self.step_type) if reference.root == "Execution" else _EXPERIMENT_NAMES
            )
            if reference.name in _JOB_OF and reference.name not in known:
                self.findings.add(
                    path,
                    f"only a {_JOB_OF[reference.name]} step has Execution.{reference.name}, its own job's.",
                )
            elif reference.name not in known:
                hint = did_you_mean(reference.name, known)
                self.findings.add(
                    path,
                    f"expected of {reference.root}: {', '.join(known)}. Received: {shown(operand)}.{hint}",
                )
            elif reference.root == "PipelineExperimentConfig" and reference.name not in self.experiment:
                self.findings.add(path, f"PipelineExperimentConfig has no {reference.name} here.")
        elif reference.root != "Steps":
            if reference.root != "ForEach" or reference.name != "CurrentItem":
                expected = "expected ForEach.CurrentItem, or IterationOutput.… in the Field of a Selector"
                self.findings.add(path, f"{expected}. Received: {shown(operand)}")
            elif self.loop is None:
                self.findings.add(
                    path, "only the steps in the body of a ForEach step have a ForEach.CurrentItem."
                )
        elif step := self.require_step(reference.name, path):
            self._check_property(step, reference, operand, path)

    def _check_property(self, step: Step, reference: Reference, operand: str, path: str) -> None:
        known = STEP_TYPES.get(step.type)
        own = known.properties(step) if known is not None and known.properties is not None else None
        if own is not None and reference.path not in own:
            has = f"only {', '.join(map(written, own))}" if own else "no properties"
            self.findings.add(path, f"a {step.type} step has {has}. Received: {shown(operand)}")
        elif reference.path[:1] == ("PropertyFiles",):
            self.findings.add(path, f"only Std:JsonGet reads a property file. Received: {shown(operand)}")
        elif not reference.path:
            self.findings.add(path, f"expected a property of the step. Received: {shown(operand)}")
        elif step.type == "ForEach":
            self._check_loop(step, reference.path, operand, path)
        elif own is None and is_executed(step.type):
            self.check_property_of(step, reference.path, path)

    def check_property_of(self, step: Step, inside: Path, path: str) -> None:
        """Notes at `path` that the job of `step` will have no property at `inside`, if that is so."""
        try:
            check_property(validation.Step(step.name, step.type, step.json_path, {}, step.arguments), inside)
        except UnknownProperty as error:
            self.findings.add(path, str(error))

    def _check_loop(self, step: Step, inside: Path, operand: str, path: str) -> None:
        """Notes what no ForEach step has, or this one has not."""
        bodies = {each.name: each for each in step.body}
        match inside:
            case ("Status",):
                return
            case (str(count),) if count in COUNTS:
                return
            case ("IterationOutputs", int(), str(name), _, *_) if name in bodies:
                self.check_property_of(bodies[name], inside[3:], path)
            case ("Selected", _, *_) if (how := selected(step)) is not None:
                self.check_property_of(bodies[how[1]], inside[1:], path)
            case ("Selected", *_):
                self.findings.add(path, f"step {step.name} has no Selector, so nothing is Selected.")
            case _:
                self.findings.add(
                    path,
                    f"a ForEach step has Status, {', '.join(COUNTS)}, Selected.… and IterationOutputs[i].<step>.… "
                    f"of {listed(bodies)}. Received: {shown(operand)}",
                )

    def _check_join(self, operand: JsonObject) -> None:
        operand.allow("On", "Values")
        operand.get("On", str, "")
        for index, item in enumerate(operand.require("Values", list, [])):
            path = child(child(operand.path, "Values"), index)
            if is_expression(item):
                self.check(item, path)
                continue
            try:
                as_text(item)
            except ValueError as error:
                self.findings.add(path, str(error))

    def _check_json_get(self, operand: JsonObject) -> None:
        source = "S3Uri" if "S3Uri" in operand.value else "PropertyFile"
        operand.allow(source, "Path")
        if json_path := operand.require("Path", str, ""):
            try:
                parse_path(json_path)
            except ValueError as error:
                operand.note("Path", str(error))
        if source == "PropertyFile":
            self._check_property_file(operand.child("PropertyFile"))
            return
        uri = operand.value["S3Uri"]
        if not is_expression(uri) and not (isinstance(uri, str) and uri.startswith("s3://")):
            operand.note("S3Uri", f"expected s3://bucket/key or an expression. Received: {shown(uri)}")
        self.check(uri, child(operand.path, "S3Uri"))

    def _check_property_file(self, operand: JsonObject) -> None:
        operand.allow("Get")
        path = child(operand.path, "Get")
        reference = self._parse(operand.require("Get", str, "Steps.?"), path)
        if reference is None or (step := self.require_step(reference.name, path)) is None:
            return
        if not is_executed(step.type):
            return  # Noted already, and what it declares was not read.
        if len(reference.path) != 2 or reference.path[0] != "PropertyFiles":
            expected = "expected Steps.<step>.PropertyFiles.<name>"
            self.findings.add(path, f"{expected}. Received: {shown(operand.value.get('Get'))}")
            return
        declared = [file.name for file in step.property_files]
        if reference.path[1] not in declared:
            hint = did_you_mean(str(reference.path[1]), declared)
            self.findings.add(
                path,
                f"step {step.name} declares these property files: {listed(declared)}."
                f" Received: {shown(reference.path[1])}.{hint}",
            )

    def _parse(self, operand: Json, path: str) -> Reference | None:
        try:
            return parse_reference(operand if isinstance(operand, str) else repr(operand))
        except ValueError as error:
            self.findings.add(path, str(error))
            return None
