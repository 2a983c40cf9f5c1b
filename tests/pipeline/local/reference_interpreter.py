"""What a definition means, written a second time and as simply as can be: from the JSON, one step after the other.

It shares no code with the engine. What a job would do is fixed by the functions below, for the engine's jobs too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def properties_of(name: str, arguments: Any) -> dict[str, Any]:
    """What the job of the step `name` leaves behind: it follows from what the job was asked."""
    digest = hashlib.sha256(json.dumps([name, arguments], sort_keys=True).encode()).hexdigest()
    number = int(digest[0], 16)
    uri = f"s3://b/{digest[5:9]}"
    return {
        "Number": number,
        **dict.fromkeys(("ProcessingJobName", "TrainingJobName", "ModelName", "ModelPackageName"), name),
        **{key: {"a.b": digest[1:5]} for key in ("Environment", "CustomerMetadataProperties")},
        "StoppingCondition": {"MaxRuntimeInSeconds": number},
        "ModelPackageVersion": number,
        "ModelArtifacts": {"S3ModelArtifacts": uri},
        "FinalMetricDataList": [
            {"MetricName": "loss", "Value": number},
            {"MetricName": "accuracy", "Value": number / 2},
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {"OutputName": "out", "S3Output": {"S3Uri": uri}},
                {"OutputName": "other", "S3Output": {"S3Uri": "no"}},
            ]
        },
    }


def file_of(properties: Mapping[str, Any]) -> Any:
    """The property file of a step."""
    number = properties["Number"]
    return {
        "score": number,
        "rows": [{"verdict": "passed" if number > 7 else "missed"}],
        "odd": number % 2 == 1,
    }


def document_at(uri: str) -> Any:
    """The JSON document at an S3 URI."""
    return {"digits": sum(character.isdigit() for character in uri), "uri": uri}


class Unreadable(Exception):
    """A step reads what a step that failed would have left."""


@dataclass
class Interpreter:
    """`execute` fills the rest: every step's status, what jobs were asked, how conditions went, what failed how."""

    document: Mapping[str, Any]
    parameters: Mapping[str, Any]
    execution: Mapping[str, str]
    failing: frozenset[str]
    statuses: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    outcomes: dict[str, bool] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps: dict[str, Any] = {}
        self.guards: dict[str, list[tuple[str, bool]]] = {}
        self._collect(self.document["Steps"], [])

    def _collect(self, steps: list[Any], guards: list[tuple[str, bool]]) -> None:
        for step in steps:
            self.steps[step["Name"]] = step
            self.guards[step["Name"]] = guards
            if step["Type"] == "Condition":
                self._collect(step["Arguments"]["IfSteps"], [*guards, (step["Name"], True)])
                self._collect(step["Arguments"]["ElseSteps"], [*guards, (step["Name"], False)])

    def execute(self) -> str:
        """Interpret every step; returns the execution's status."""
        for name in self.steps:
            self.status(name)
        failed = {name for name, status in self.statuses.items() if status == "Failed"}
        ran_on = {
            entry["Step"]
            for name, step in self.steps.items()
            for entry in step.get("DependsOn", [])
            if self.statuses[name] in ("Succeeded", "Failed")
            and not isinstance(entry, str)
            and entry["Trigger"] in ("Failed", "Any")
        }
        return "Succeeded" if not failed else "CompletedWithFailures" if failed <= ran_on else "Failed"

    def needs(self, name: str) -> set[str]:
        """The steps that must have ended before the step `name` can run."""
        step = self.steps[name]
        own = step["Arguments"]["Conditions"] if step["Type"] == "Condition" else step["Arguments"]
        read = re.findall(r'"Get": "Steps\.([\w-]+)', json.dumps(own))
        named = [entry if isinstance(entry, str) else entry["Step"] for entry in step.get("DependsOn", [])]
        return {*read, *named, *(condition for condition, _ in self.guards[name])}

    def status(self, name: str) -> str:
        """How the step `name` ends; interprets what it needs first."""
        if name not in self.statuses:
            before = {self.status(other) for other in sorted(self.needs(name))}
            fires = [self._fires(name, other) for other in self.needs(name)]
            elsewhere = any(self.outcomes.get(gate, way) is not way for gate, way in self.guards[name])
            if "Skipped" in before or elsewhere or "never" in fires:
                self.statuses[name] = "Skipped"
            elif "not yet" not in fires:
                try:
                    self.statuses[name] = self._run(name, self.steps[name])
                except Unreadable:
                    self.statuses[name] = "Failed"
            else:
                self.statuses[name] = "Pending"
        return self.statuses[name]

    def _fires(self, name: str, other: str) -> str:
        """Whether the end of `other` lets the step `name` start: yes, never, not yet."""
        triggers = [
            entry["Trigger"]
            for entry in self.steps[name].get("DependsOn", [])
            if not isinstance(entry, str) and entry["Step"] == other
        ]
        match (triggers or ["Completed"])[0], self.status(other):
            case ("Completed" | "Any", "Succeeded") | ("Failed" | "Any", "Failed"):
                return "yes"
            case ("Failed" | "Stopped", "Succeeded") | ("Stopped", "Failed"):
                return "never"
        return "not yet"

    def _run(self, name: str, step: Any) -> str:
        arguments = step["Arguments"]
        if step["Type"] == "Condition":
            self.outcomes[name] = all(self.true(condition) for condition in arguments["Conditions"])
            return "Succeeded"
        if step["Type"] == "Fail":
            self.messages[name] = self.value(arguments["ErrorMessage"])
            return "Failed"
        asked = self.value(arguments)
        self.asked[name] = asked
        return "Failed" if name in self.failing else "Succeeded"

    def true(self, condition: Any) -> bool:
        """Whether a condition holds."""
        match condition:
            case {"Type": "Not", "Condition": inner}:
                return not self.true(inner)
            case {"Type": "Or", "Conditions": inner}:
                return any(self.true(each) for each in inner)
            case {"Type": "In", "QueryValue": query, "Values": values}:
                return self.value(query) in self.value(values)
            case {"Type": kind, "LeftValue": left, "RightValue": right}:
                a, b = self.value(left), self.value(right)
                holds: dict[str, bool] = {
                    "Equals": a == b,
                    "GreaterThan": a > b,
                    "GreaterThanOrEqualTo": a >= b,
                    "LessThan": a < b,
                    "LessThanOrEqualTo": a <= b,
                }
                return holds[kind]
        raise AssertionError(condition)

    def value(self, value: Any) -> Any:
        """A JSON value with its expressions replaced by what they stand for."""
        match value:
            case {"Get": path, **nothing_else} if not nothing_else:
                return self._get(path)
            case {"Std:Join": {"On": on, "Values": values}}:
                texts = [self.value(each) for each in values]
                return on.join(text if isinstance(text, str) else json.dumps(text) for text in texts)
            case {"Std:JsonGet": {"PropertyFile": {"Get": path}, "Path": inside}}:
                name = path.split(".")[1]
                self._must_have_succeeded(name)
                return _inside(file_of(properties_of(name, self.asked[name])), "." + inside)
            case {"Std:JsonGet": {"S3Uri": uri, "Path": inside}}:
                return _inside(document_at(self.value(uri)), "." + inside)
            case dict():
                return {key: self.value(each) for key, each in value.items()}
            case list():
                return [self.value(each) for each in value]
        return value

    def _must_have_succeeded(self, name: str) -> None:
        if self.statuses[name] != "Succeeded":
            raise Unreadable(name)

    def _get(self, path: str) -> Any:
        root, name, inside = re.fullmatch(r"(\w+)\.([\w-]+)(.*)", path).groups()  # type: ignore[union-attr]
        if root == "Steps":
            self._must_have_succeeded(name)
        if root == "Steps" and name in self.outcomes:
            return str(self.outcomes[name])
        if root == "Steps":
            return _inside(properties_of(name, self.asked[name]), inside)
        if root == "PipelineExperimentConfig":
            return self.value(self.document[root][name])
        return (self.parameters if root == "Parameters" else self.execution)[name]


def _inside(value: Any, path: str) -> Any:
    for key, quoted, index in re.findall(r"\.(\w+)|\['([^']*)'\]|\[(\d+)\]", path):
        if index:
            value = value[int(index)]
        elif isinstance(value, list):
            value = next(
                entry for entry in value if quoted in (entry.get("OutputName"), entry.get("MetricName"))
            )
        else:
            value = value[key or quoted]
    return value
