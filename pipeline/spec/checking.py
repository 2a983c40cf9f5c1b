"""Checks a definition as a whole, before anything runs: names, parameters, what steps wait for and ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from pipeline.shown import listed, shown
from pipeline.spec.definition import MISSING, Definition, Json, Parameter, Step, Trigger
from pipeline.spec.dependencies import cycles, dependencies
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expression_checking import ExpressionChecker
from pipeline.spec.expressions import is_expression, references
from pipeline.spec.for_each import every_request, selected
from pipeline.spec.parameters import convert_json
from pipeline.spec.request_schema import check_members, check_request
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.value_types import ValueTypes


def check_definition(definition: Definition, findings: Findings) -> None:
    """Notes duplicate names, unknown references, malformed expressions, cycles and unsupported arguments."""
    _note_duplicates(((f"$.Parameters[{i}]", p.name) for i, p in enumerate(definition.parameters)), findings)
    requests = {step.name: step for step in every_request(definition)}
    named_apart = _note_duplicates(
        ((step.json_path, step.name) for step in every_request(definition)), findings
    )
    for index, parameter in enumerate(definition.parameters):
        _check_parameter(parameter, f"$.Parameters[{index}]", findings)
    steps = {step.name: step for step in definition.steps}
    types = {parameter.name: parameter.type for parameter in definition.parameters}
    loops = {each.name: step.name for step in definition.steps for each in step.body}
    checker = ExpressionChecker(types, steps, definition.experiment, findings, loops)
    _check_names("PipelineExperimentConfig", definition.experiment, types, findings)
    _check_names("MlflowConfig", definition.mlflow, types, findings)
    for step in every_request(definition):
        loop = loops.get(step.name)
        seen = steps if loop is None else {**steps, **{each.name: each for each in steps[loop].body}}
        _check_step(step, replace(checker, steps=seen, step_type=step.type, loop=loop), findings)
        check_request(step.type, step.arguments, step.argument_path(), findings, ValueTypes(types, seen))
        if (known := STEP_TYPES.get(step.type)) is not None and known.check_among is not None:
            known.check_among(step, seen, findings)
        check_members(step.type, step.members, step.json_path, findings)
    if named_apart:
        for cycle in cycles(dependencies(replace(definition, steps=tuple(requests.values())))):
            findings.add(requests[cycle[0]].json_path, f"these steps wait for each other: {_circle(cycle)}")


def _circle(names: list[str]) -> str:
    """The names of a circle in order; the middle of a long one is left out."""
    return " → ".join(names if len(names) <= 8 else [*names[:5], f"… {len(names) - 7} more …", *names[-2:]])


def _note_duplicates(names: Iterable[tuple[str, str]], findings: Findings) -> bool:
    """Notes every name that an earlier one of the (JSON path, name) pairs has already; whether there is none."""
    first: dict[str, str] = {}
    apart = True
    for path, name in names:
        # What has no name is noted as that.
        if name in first and name:
            findings.add(path, f"the name {shown(name)} is taken by {first[name]}.")
        apart = apart and name not in first
        first.setdefault(name, path)
    return apart


def _check_parameter(parameter: Parameter, path: str, findings: Findings) -> None:
    if parameter.default is MISSING:
        return
    try:
        convert_json(parameter, parameter.default)
    except ValueError as error:
        findings.add(f"{path}.DefaultValue", str(error))


def _check_names(
    where: str, names: Mapping[str, Json], parameters: Collection[str], findings: Findings
) -> None:
    """Notes names that are no strings, and expressions in them: they are evaluated before any step has run."""
    for key, value in names.items():
        path = f"$.{where}.{key}"
        if not isinstance(value, str) and not is_expression(value):
            findings.add(path, f"must be a string or an expression, not {shown(value)}.")
        if _roots(value) & {"Steps", "PipelineExperimentConfig"}:
            findings.add(
                path,
                f"may use only parameters and execution variables, as no step has run yet (got {shown(value)}).",
            )
        else:
            ExpressionChecker(parameters, {}, {}, findings).check(value, path)


def _roots(value: Json) -> set[str]:
    """What the expressions in `value` read."""
    return {reference.root for reference in references(value)}


def _check_step(step: Step, checker: ExpressionChecker, findings: Findings) -> None:
    for dependency in step.depends_on:
        at = f"{step.json_path}.DependsOn"
        if (before := checker.require_step(dependency.step, at)) and dependency.trigger != "Completed":
            _check_trigger(step, dependency.trigger, before, at, findings)
    path = step.argument_path()
    files = [(f"{step.json_path}.PropertyFiles[{i}]", file) for i, file in enumerate(step.property_files)]
    _note_duplicates(((path, file.name) for path, file in files), findings)
    outputs = _output_names(step)
    for file_path, file in files:
        if outputs is not None and file.output_name not in outputs:
            findings.add(
                f"{file_path}.OutputName",
                f"the step has no output {shown(file.output_name)}, only: {listed(outputs)}.",
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
            path,
            f"a Fail step ends the execution: nothing can wait for {before.name} with the trigger {trigger}.",
        )
    ways = {branch.condition_step: branch.taken for branch in before.branch}
    for branch in step.branch:
        if ways.get(branch.condition_step, branch.taken) != branch.taken:
            findings.add(
                path,
                f"step {before.name} is on the other branch of {branch.condition_step}, so only one of the "
                f"two can run: the trigger {trigger} never fires.",
            )


def _output_names(step: Step) -> list[str] | None:
    """The names of a job's outputs; None when they cannot be read, which is noted elsewhere or not yet known."""
    config = step.arguments.get("ProcessingOutputConfig", {})
    outputs = config.get("Outputs", []) if isinstance(config, Mapping) else None
    if not isinstance(outputs, list) or not all(isinstance(output, Mapping) for output in outputs):
        return None
    return [str(output.get("OutputName")) for output in outputs]
