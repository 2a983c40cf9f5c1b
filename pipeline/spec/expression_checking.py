"""Checks the expressions of a definition: that each is one, and that what it reads will be there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pipeline.near_match import did_you_mean
from pipeline.shown import listed, shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import FUNCTIONS, as_text, is_expression
from pipeline.spec.for_each import COUNTS, selected
from pipeline.spec.json_object import JsonObject
from pipeline.spec.json_path import child
from pipeline.spec.properties import UnknownProperty, check_property
from pipeline.spec.references import Path, Reference, parse_path, parse_reference, written
from pipeline.spec.step_types import STEP_TYPES, is_executed
from pipeline.spec.vocabulary import JOB_NAME_VARIABLES, execution_variables

_EXPERIMENT_NAMES = ("ExperimentName", "TrialName")
_JOB_OF = {variable: step_type for step_type, variable in JOB_NAME_VARIABLES.items()}


@dataclass(frozen=True)
class ExpressionChecker:
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
                    f"{reference.root} has only {', '.join(known)}, not {shown(reference.name)}.{hint}",
                )
            elif reference.root == "PipelineExperimentConfig" and reference.name not in self.experiment:
                self.findings.add(path, f"PipelineExperimentConfig has no {reference.name} here.")
        elif reference.root != "Steps":
            if reference.root != "ForEach" or reference.name != "CurrentItem":
                wanted = "must be ForEach.CurrentItem, or IterationOutput.… in the Field of a Selector"
                self.findings.add(path, f"{wanted}, not {shown(operand)}.")
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
            self.findings.add(path, f"a {step.type} step has {has} (got {shown(operand)}).")
        elif reference.path[:1] == ("PropertyFiles",):
            self.findings.add(path, f"only Std:JsonGet reads a property file (got {shown(operand)}).")
        elif not reference.path:
            self.findings.add(path, f"must name a property of the step, not only {shown(operand)}.")
        elif step.type == "ForEach":
            self._check_loop(step, reference.path, operand, path)
        elif own is None and is_executed(step.type):
            self.check_property_of(step, reference.path, path)

    def check_property_of(self, step: Step, inside: Path, path: str) -> None:
        """Notes at `path` that the job of `step` will have no property at `inside`, if that is so."""
        try:
            check_property(step, inside)
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
                    f"a ForEach step has Status, {', '.join(COUNTS)}, Selected.… and "
                    f"IterationOutputs[i].<step>.… of {listed(bodies)} (got {shown(operand)}).",
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
        json_path = operand.require("Path", str, "")
        if isinstance(operand.value.get("Path"), str):
            try:
                parse_path(json_path)
            except ValueError as error:
                operand.note("Path", str(error))
        if source == "PropertyFile":
            self._check_property_file(operand.child("PropertyFile"))
            return
        uri = operand.value["S3Uri"]
        if not is_expression(uri) and not (isinstance(uri, str) and uri.startswith("s3://")):
            operand.note("S3Uri", f"must be s3://bucket/key or an expression, not {shown(uri)}.")
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
            got = shown(operand.value.get("Get"))
            self.findings.add(path, f"must be Steps.<step>.PropertyFiles.<name>, not {got}.")
            return
        declared = [file.name for file in step.property_files]
        if reference.path[1] not in declared:
            hint = did_you_mean(str(reference.path[1]), declared)
            self.findings.add(
                path,
                f"step {step.name} declares no property file {shown(reference.path[1])}, only: "
                f"{listed(declared)}.{hint}",
            )

    def _parse(self, operand: Json, path: str) -> Reference | None:
        try:
            return parse_reference(operand)
        except ValueError as error:
            self.findings.add(path, str(error))
            return None
