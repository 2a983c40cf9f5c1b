"""Turns the JSON of a definition into dataclasses, noting what is malformed on the way.

Reads on after a problem, so that one run of the command lists all of them; whether what a name refers to exists is
checked afterwards, in checking.py.
"""

from __future__ import annotations

import re
from typing import get_args

from pipeline.json_path import child
from pipeline.shown import shown
from pipeline.spec.definition import (
    MISSING,
    Branch,
    CacheConfig,
    Definition,
    Dependency,
    Json,
    Parameter,
    ParameterType,
    PropertyFile,
    RetryPolicy,
    Step,
    Trigger,
)
from pipeline.spec.diagnostics import Findings
from pipeline.spec.durations import parse_duration
from pipeline.spec.for_each import read_body
from pipeline.spec.json_object import JsonObject
from pipeline.spec.step_types import STEP_TYPES, executed, is_executed
from pipeline.spec.vocabulary import DEFAULT_PARAMETER_TYPE, SERVICE_STEP_TYPES

VERSION = "2020-12-01"
_COMMON_KEYS = ("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description")
# Members that some types have and that are read into attributes of Step.
_READ = ("CacheConfig", "RetryPolicies", "PropertyFiles")
_RETRIED = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
# The service's form of parameter and step names. Step names become folder names: nothing else is let through.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_STEP_NAME, _LONGEST_PARAMETER_NAME = 64, 256
# The longest first pause, in seconds, that the developer guide allows ("Retry policy for pipeline steps").
_LONGEST_INTERVAL = 43_200


def read_definition(document: Json, text: str, findings: Findings) -> Definition:
    """The definition that the JSON `document` holds; what is malformed is noted and left out."""
    top = JsonObject.of(document, "$", findings)
    top.allow(
        *("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig"),
        *("ParallelismConfiguration", "Steps"),
    )
    if "Version" in top.value:  # The service's schema asks for Steps alone.
        top.one_of("Version", [VERSION])
    if not top.require("Steps", list, []):
        top.note("Steps", "expected at least one step.")
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
    # Null is how the SDK writes that there are to be none.
    if top.value.get(key) is None:
        return {}
    entry = top.child(key)
    entry.allow(*members)
    return dict(entry.value)


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
    if "Name" in entry.value and not (_NAME.fullmatch(name) and len(name) <= longest):
        received = shown(entry.value["Name"])
        entry.note("Name", f"expected 1 to {longest} letters, digits, - and _. Received: {received}")
    return name


def _read_step(entry: JsonObject, branch: tuple[Branch, ...]) -> list[Step]:
    """The step, and after a Condition step those of its branches."""
    name = _read_name(entry, _LONGEST_STEP_NAME)
    kind = _read_type(entry)
    if kind is None:
        # Its other fields have a form of their own: only the name matters, to those that refer to it.
        return [Step(name, str(entry.value.get("Type")), {}, branch=branch, json_path=entry.path)]
    entry.allow(*_COMMON_KEYS, *STEP_TYPES[kind].keys)
    entry.get("Description", str, "")
    arguments = entry.child("Arguments")
    if (check := STEP_TYPES[kind].check) is not None:
        check(entry)
    step = Step(
        name=name,
        type=kind,
        arguments=arguments.value,
        depends_on=_read_depends_on(entry),
        property_files=tuple(_read_property_file(file) for file in entry.children("PropertyFiles")),
        cache=_read_cache(entry.child("CacheConfig")) if "CacheConfig" in entry.value else None,
        retry_policies=tuple(_read_retry_policy(policy) for policy in entry.children("RetryPolicies")),
        branch=branch,
        json_path=entry.path,
        display_name=entry.get("DisplayName", str, "") or None,
        members={
            key: entry.value[key] for key in STEP_TYPES[kind].keys if key in entry.value and key not in _READ
        },
    )
    if kind == "ForEach":
        return [read_body(step, arguments, lambda entry: _read_step(entry, ()))]
    return _read_branches(step, arguments) if kind == "Condition" else [step]


def _read_type(entry: JsonObject) -> str | None:
    """The step's type; None when it is noted as none that is executed here."""
    kind = entry.value.get("Type")
    if isinstance(kind, str) and kind in SERVICE_STEP_TYPES and not is_executed(kind):
        entry.note("Type", f"the local engine executes no {kind} steps, only {', '.join(executed())}.")
        return None
    return entry.one_of("Type", executed())


def _read_branches(step: Step, arguments: JsonObject) -> list[Step]:
    arguments.allow("Conditions", "IfSteps", "ElseSteps")
    if not arguments.require("Conditions", list, []):
        arguments.note("Conditions", "expected at least one condition.")
    own = {"Conditions": arguments.get("Conditions", list, [])}
    steps = [
        Step(step.name, step.type, own, step.depends_on, branch=step.branch, json_path=step.json_path,
             display_name=step.display_name)
    ]  # fmt: skip
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
            trigger = dependency.one_of("Trigger", get_args(Trigger)) or trigger  # type: ignore[assignment]
            item = dependency.require("Step", str, "")
        if not isinstance(item, str):
            entry.findings.add(child(path, index), f"expected the name of a step. Received: {shown(item)}")
        elif found.setdefault(item, Dependency(item, trigger)).trigger != trigger:
            entry.findings.add(
                child(path, index),
                f"step {shown(item)} stands here twice, with the triggers {found[item].trigger} and {trigger}."
                " Keep one of them.",
            )
    return tuple(found.values())


def _read_property_file(entry: JsonObject) -> PropertyFile:
    entry.allow("PropertyFileName", "OutputName", "FilePath")
    file = PropertyFile(
        entry.require("PropertyFileName", str, ""),
        entry.require("OutputName", str, ""),
        entry.require("FilePath", str, ""),
    )
    if file.path.startswith("/") or ".." in file.path.split("/"):
        entry.note("FilePath", f"expected a path within the output. Received: {shown(file.path)}")
    return file


def _read_cache(entry: JsonObject) -> CacheConfig:
    entry.allow("Enabled", "ExpireAfter")
    expire_after = entry.get("ExpireAfter", str, "") or None
    if expire_after:
        try:
            parse_duration(expire_after)
        except ValueError as error:
            entry.note("ExpireAfter", str(error))
    return CacheConfig(entry.get("Enabled", bool, False), expire_after)


def _read_retry_policy(entry: JsonObject) -> RetryPolicy:
    entry.allow("ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin")
    types = entry.require("ExceptionType", list, [])
    for kind in types:
        if kind not in _RETRIED:
            entry.note("ExceptionType", f"expected of {', '.join(_RETRIED)}. Received: {shown(kind)}")
    if "MaxAttempts" in entry.value and "ExpireAfterMin" in entry.value:
        entry.note("MaxAttempts", "expected either MaxAttempts or ExpireAfterMin. Received: both")
    interval, backoff = (
        entry.number("IntervalSeconds", 0, most=_LONGEST_INTERVAL),
        entry.number("BackoffRate", 0),
    )
    return RetryPolicy(
        exception_types=tuple(types),
        interval_seconds=1.0 if interval is None else interval,
        backoff_rate=2.0 if backoff is None else backoff,
        # 0 of either: never, as the service documents it.
        max_attempts=entry.whole_number("MaxAttempts", 0),
        expire_after_minutes=entry.number("ExpireAfterMin", 0),
    )
