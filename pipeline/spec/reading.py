"""Turns the JSON of a definition into dataclasses, noting what is malformed on the way.

Reads on after a problem, so that one run of the command lists all of them; whether what a name refers to exists is
checked afterwards, in checking.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

from pipeline.shown import shown
from pipeline.spec.definition import (
    MISSING,
    Branch,
    Definition,
    Dependency,
    Json,
    Parameter,
    ParameterType,
    PropertyFile,
    Step,
    Trigger,
)
from pipeline.spec.diagnostics import Findings
from pipeline.spec.for_each import read_body
from pipeline.spec.json_object import JsonObject
from pipeline.spec.json_path import child
from pipeline.spec.policies import read_cache, read_retry_policy
from pipeline.spec.step_types import STEP_TYPES, executed, is_executed
from pipeline.spec.vocabulary import DEFAULT_PARAMETER_TYPE, SERVICE_STEP_TYPES

VERSION = "2020-12-01"
_COMMON_KEYS = ("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description")
# Members that some types have and that are read into attributes of Step.
_READ = ("CacheConfig", "RetryPolicies", "PropertyFiles")
# The service's form of parameter and step names. Step names become folder names: nothing else is let through.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_STEP_NAME, _LONGEST_PARAMETER_NAME = 64, 256


def read_definition(document: Json, text: str, findings: Findings) -> Definition:
    """The definition that the JSON `document` holds; what is malformed is noted and left out."""
    top = JsonObject.of(document, "$", findings)
    if not isinstance(document, dict):
        return Definition(VERSION, (), (), text)
    top.allow(
        *("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig"),
        *("ParallelismConfiguration", "Steps"),
    )
    if "Version" in top.value:  # The service's schema asks for Steps alone.
        top.one_of("Version", [VERSION])
    top.filled("Steps", "step")
    parallelism = None
    if "ParallelismConfiguration" in top.value:
        parallelism = top.child("ParallelismConfiguration").whole_number("MaxParallelExecutionSteps", 1)
    return Definition(
        version=VERSION,
        parameters=tuple(_read_parameter(entry) for entry in top.children("Parameters")),
        steps=tuple(step for entry in top.children("Steps") for step in _read_step(entry, ())),
        text=text,
        metadata=top.get("Metadata", dict, {}),
        parallelism=parallelism,
        experiment=_read_names(top, "PipelineExperimentConfig", ("ExperimentName", "TrialName")),
        mlflow=_read_names(top, "MlflowConfig", ("MlflowResourceArn", "MlflowExperimentName")),
    )


def _read_names(top: JsonObject, key: str, members: tuple[str, ...]) -> dict[str, Json]:
    """The names under which the service would keep track of an execution; the local engine does not use them."""
    # Null is how the SDK writes that there are to be none, or one of them.
    if top.value.get(key) is None:
        return {}
    entry = top.child(key)
    entry.allow(*members)
    return {name: value for name, value in entry.value.items() if value is not None}


def _read_parameter(entry: JsonObject) -> Parameter:
    entry.allow("Name", "Type", "DefaultValue", "EnumValues", "Description")
    kind = DEFAULT_PARAMETER_TYPE
    if "Type" in entry.value:
        kind = entry.one_of("Type", get_args(ParameterType)) or kind
    enum = tuple(entry.get("EnumValues", list, []))
    default = entry.value.get("DefaultValue", MISSING)
    entry.get("Description", str, "")
    return Parameter(_read_name(entry, _LONGEST_PARAMETER_NAME), kind, default, enum or None)  # type: ignore[arg-type]


def _read_name(entry: JsonObject, longest: int) -> str:
    name = entry.require("Name", str, "")
    if isinstance(entry.value.get("Name"), str) and not (_NAME.fullmatch(name) and len(name) <= longest):
        entry.note(
            "Name", f"must be 1 to {longest} letters, digits, - and _, not {shown(entry.value['Name'])}."
        )
    return name


def _read_step(entry: JsonObject, branch: tuple[Branch, ...]) -> list[Step]:
    """The step, and after a Condition step those of its branches."""
    name = _read_name(entry, _LONGEST_STEP_NAME)
    kind = _read_type(entry)
    arguments = entry.child("Arguments")
    known = STEP_TYPES.get(kind)
    keys = known.keys if known is not None else ()
    # Of a type that is executed nowhere here, not every key is known.
    if is_executed(kind):
        entry.allow(*_COMMON_KEYS, *keys)
    if known is not None and known.check is not None:
        known.check(entry)
    read = JsonObject(
        {key: entry.value[key] for key in keys if key in entry.value}, entry.path, entry.findings
    )
    step = Step(
        name=name,
        type=kind,
        arguments=arguments.value,
        depends_on=_read_depends_on(entry),
        property_files=tuple(_read_property_file(file) for file in read.children("PropertyFiles")),
        cache=read_cache(read.child("CacheConfig")) if "CacheConfig" in read.value else None,
        retry_policies=tuple(read_retry_policy(policy) for policy in read.children("RetryPolicies")),
        branch=branch,
        json_path=entry.path,
        display_name=entry.get("DisplayName", str, "") or None,
        description=entry.get("Description", str, "") or None,
        members={key: value for key, value in read.value.items() if key not in _READ},
    )
    if kind == "ForEach":
        return [read_body(step, arguments, lambda entry: _read_step(entry, ()))]
    return _read_branches(step, arguments) if kind == "Condition" else [step]


def _read_type(entry: JsonObject) -> str:
    """The step's type, also one that is noted as none that is executed here; "" when there is no such type."""
    kind = entry.value.get("Type")
    if isinstance(kind, str) and kind in SERVICE_STEP_TYPES and not is_executed(kind):
        entry.note(
            "Type", f"the local engine executes no {kind} steps, only {', '.join(executed())}.", "here"
        )
        return kind
    return entry.one_of("Type", executed()) or ""


def _read_branches(step: Step, arguments: JsonObject) -> list[Step]:
    arguments.allow("Conditions", "IfSteps", "ElseSteps")
    steps = [replace(step, arguments={"Conditions": arguments.filled("Conditions", "condition")})]
    for key, taken in (("IfSteps", True), ("ElseSteps", False)):
        inside = (*step.branch, Branch(step.name, taken))
        for entry in arguments.children(key):
            steps += _read_step(entry, inside)
    return steps


def _read_depends_on(entry: JsonObject) -> tuple[Dependency, ...]:
    found: dict[str, Dependency] = {}
    path = child(entry.path, "DependsOn")
    for index, item in enumerate(entry.get("DependsOn", list, [])):
        trigger: Trigger = "Completed"
        if isinstance(item, dict):
            dependency = JsonObject(item, child(path, index), entry.findings)
            dependency.allow("Step", "Trigger")
            if "Trigger" not in item:
                # SageMaker SDK 3.27.0, StepDependency.
                dependency.note("Trigger", "missing; the service has no default for it.", "service")
                item = {"Trigger": trigger, **item}
                dependency = JsonObject(item, dependency.path, entry.findings)
            trigger = dependency.one_of("Trigger", get_args(Trigger)) or trigger  # type: ignore[assignment]
            item = dependency.require("Step", str, "")
        if not isinstance(item, str):
            entry.findings.add(child(path, index), f"must be the name of a step, not {shown(item)}.")
        elif found.setdefault(item, Dependency(item, trigger)).trigger != trigger:
            entry.findings.add(
                child(path, index),
                f"step {shown(item)} is listed twice, with the triggers {found[item].trigger} and {trigger}. "
                "Keep one of them.",
            )
    return tuple(found.values())


def _read_property_file(entry: JsonObject) -> PropertyFile:
    entry.allow("PropertyFileName", "OutputName", "FilePath")
    file = PropertyFile(
        entry.require("PropertyFileName", str, ""),
        entry.require("OutputName", str, ""),
        entry.require("FilePath", str, ""),
    )
    for key in ("PropertyFileName", "FilePath"):
        if entry.value.get(key) == "":
            entry.note(key, "must not be empty.")
    if file.path.startswith("/") or ".." in file.path.split("/"):
        entry.note("FilePath", f"must be a path within the output, not {shown(file.path)}.")
    return file
