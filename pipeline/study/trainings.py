"""The trainings that a compiled definition asks for, and those that earlier executions have done. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.spec.definition import Json
from pipeline.spec.expressions import resolve, steps_referenced
from pipeline.spec.tuning import trial_name

# What differs between trainings of one candidate that take equally long a step.
_NO_MATTER_FOR_PACE = frozenset({"seed", "epochs", "learning-rate", "label-smoothing"})
# What a search tunes is known once it has run; until then a training is expected to take what these take.
_EXPECTED = {"label-smoothing": "0.1"}
_BY_PARAMETER = {"learning-rate": "LearningRate", "batch-size": "BatchSize"}
# In script mode the hyperparameters also say what is run.
_NO_FLAGS = ("sagemaker_", "_tuning_")


@dataclass(frozen=True)
class Training:
    """One training: `hyperparameters` as the job's script gets them, `code` the S3 URI of its code.

    `tuned` are those that a search decides, which are only expected.
    """

    step: str
    hyperparameters: Mapping[str, str]
    code: str
    tuned: frozenset[str] = frozenset()

    @property
    def candidate(self) -> str:
        """The candidate's name."""
        return self.hyperparameters["candidate"]

    @property
    def epochs(self) -> int:
        """Passes over the training split."""
        return int(self.hyperparameters["epochs"])

    def is_done_by(self, other: Training) -> bool:
        """Whether `other`, which is done, is this training, as far as is known before a search."""
        mine, theirs = (
            {name: value for name, value in each.hyperparameters.items() if name not in self.tuned}
            for each in (self, other)
        )
        return mine == theirs and self.code == other.code and (not self.tuned or self.step == other.step)

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
        raise ValueError(f"a training must not read a step's properties, as it does of {step}")

    def property_file(self, step: str, name: str) -> Json:
        raise ValueError(f"a training must not read a property file, as it does {name} of {step}")

    def document(self, uri: str) -> Json:
        raise ValueError(f"a training must not read a document, as it does {uri}")


def trainings_of(text: str, values: Mapping[str, Any]) -> list[Training]:
    """The trainings of the compiled definition `text`, in its order, with these parameter values, and the trials of
    its searches among them."""
    definition = json.loads(text)
    defaults = {each["Name"]: each.get("DefaultValue") for each in definition.get("Parameters", ())}
    scope = _Parameters({**defaults, **values})
    expected = {**_EXPECTED, **{name: str(scope.parameters.get(key)) for name, key in _BY_PARAMETER.items()}}
    found = []
    for step in definition["Steps"]:
        arguments = step["Arguments"]
        if step["Type"] == "Training":
            own = arguments["HyperParameters"]
            tuned = frozenset(name for name, value in own.items() if steps_referenced(value))
            known = {name: value for name, value in own.items() if name not in tuned}
            hyperparameters = {**resolve(known, scope), **{name: expected[name] for name in sorted(tuned)}}
            found.append(Training(step["Name"], hyperparameters, code_of(own, arguments), tuned))
        elif step["Type"] == "Tuning":
            search = arguments["TrainingJobDefinition"]
            own = search["StaticHyperParameters"]
            hyperparameters = {**flags_of(resolve(own, scope)), **expected}
            limits = arguments["HyperParameterTuningJobConfig"]["ResourceLimits"]
            found += [
                Training(
                    trial_name(step["Name"], number),
                    hyperparameters,
                    code_of(own, search),
                    frozenset(expected),
                )
                for number in range(1, limits["MaxNumberOfTrainingJobs"] + 1)
            ]
    return found


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
                code = code_of(hyperparameters, step.properties)
                yield record, step, Training(step.name, flags_of(hyperparameters), code)


def flags_of(hyperparameters: Mapping[str, str]) -> dict[str, str]:
    """Those that the script gets."""
    return {name: value for name, value in hyperparameters.items() if not name.startswith(_NO_FLAGS)}


def code_of(hyperparameters: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    """Where the training's code lies: an archive in script mode, else a channel."""
    archive = hyperparameters.get("sagemaker_submit_directory")
    return str(archive) if archive else _code_uri(request.get("InputDataConfig") or ())


def _code_uri(channels: Iterable[Mapping[str, Any]]) -> str:
    """Where the training's code lies: it is addressed by its content."""
    for channel in channels:
        if channel["ChannelName"] == "code":
            return str(channel["DataSource"]["S3DataSource"]["S3Uri"])
    return ""
