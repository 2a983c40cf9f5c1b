"""The trainings that a compiled definition asks for, and those that earlier executions have done. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.spec.definition import Json
from pipeline.spec.expressions import resolve

# What differs between trainings of one candidate that take equally long a step.
_NO_MATTER_FOR_PACE = frozenset({"seed", "epochs", "learning-rate"})


@dataclass(frozen=True)
class Training:
    """One training step: `hyperparameters` as the job gets them, `code` the S3 URI of its code."""

    step: str
    hyperparameters: Mapping[str, str]
    code: str

    @property
    def candidate(self) -> str:
        """The candidate's name."""
        return self.hyperparameters["candidate"]

    @property
    def epochs(self) -> int:
        """Passes over the training split."""
        return int(self.hyperparameters["epochs"])

    def is_as_fast_as(self, other: Training) -> bool:
        """Whether a step of both takes equally long: they differ in seed, epochs and learning rate at most."""
        mine, theirs = (
            {name: value for name, value in each.hyperparameters.items() if name not in _NO_MATTER_FOR_PACE}
            for each in (self, other)
        )
        return mine == theirs and self.code == other.code


@dataclass(frozen=True)
class _Parameters:
    """The scope of a training's hyperparameters, which depend on parameters alone."""

    parameters: Mapping[str, Json]
    execution: Mapping[str, str] = field(default_factory=dict)
    experiment: Mapping[str, Json] = field(default_factory=dict)

    def properties(self, step: str) -> Mapping[str, Json]:
        raise ValueError(f"expected no step's properties. Received: those of {step}")

    def property_file(self, step: str, name: str) -> Json:
        raise ValueError(f"expected no property file. Received: {name} of {step}")

    def document(self, uri: str) -> Json:
        raise ValueError(f"expected no document. Received: {uri}")


def trainings_of(text: str, values: Mapping[str, Any]) -> list[Training]:
    """The training steps of the compiled definition `text`, in its order, with these parameter values."""
    definition = json.loads(text)
    defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
    scope = _Parameters({**defaults, **values})
    return [
        Training(
            step["Name"],
            resolve(step["Arguments"]["HyperParameters"], scope),
            _code_uri(step["Arguments"]["InputDataConfig"]),
        )
        for step in definition["Steps"]
        if step["Type"] == "Training"
    ]


def trainings_done(
    records: Iterable[ExecutionRecord],
) -> Iterator[tuple[ExecutionRecord, StepRecord, Training]]:
    """Every training step that succeeded in these executions of this project, as `trainings_of` describes it."""
    for record in records:
        for step in record.steps:
            if step.type != "Training" or step.status != "Succeeded":
                continue
            hyperparameters = step.properties.get("HyperParameters") or {}
            if {"candidate", "epochs"} <= hyperparameters.keys():
                code = _code_uri(step.properties.get("InputDataConfig") or ())
                yield record, step, Training(step.name, hyperparameters, code)


def _code_uri(channels: Iterable[Mapping[str, Any]]) -> str:
    """Where the training's code lies: it is addressed by its content."""
    for channel in channels:
        if channel["ChannelName"] == "code":
            return str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    return ""
