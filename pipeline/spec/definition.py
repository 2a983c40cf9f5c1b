"""A compiled pipeline definition (JSON, version 2020-12-01) as frozen dataclasses.

The one model of it: reading.py makes it out of JSON, the engine executes it, and every check asks it, of what runs
here and of what AWS is sent. Begin with parsing.py, which reads and checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pipeline.spec.json_path import child

# What json.loads returns: None, bool, int, float, str, list or dict.
Json = Any

ParameterType = Literal["String", "Integer", "Float", "Boolean"]
# Which end of the step before lets a step start; Any is each of the three.
Trigger = Literal["Completed", "Failed", "Stopped", "Any"]


class Missing:
    """The type of MISSING: a parameter without a default (None would be a JSON null)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()


@dataclass(frozen=True)
class Parameter:
    """A pipeline parameter. `default` is MISSING when the start of an execution must give a value."""

    name: str
    type: ParameterType
    default: Json = MISSING
    enum: tuple[str, ...] | None = None


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file that a Processing step writes to its output `output_name`, at `path` within it."""

    name: str
    output_name: str
    path: str


@dataclass(frozen=True)
class CacheConfig:
    """Step caching; `expire_after` is the ISO 8601 duration as written, None: never expires."""

    enabled: bool
    expire_after: str | None = None


@dataclass(frozen=True)
class RetryPolicy:
    """When and how often a failed step is tried again.

    At most one of `max_attempts` and `expire_after_minutes` is set; with neither the default of retries.py holds.
    """

    exception_types: tuple[str, ...]
    interval_seconds: float = 1.0
    backoff_rate: float = 2.0
    max_attempts: int | None = None
    expire_after_minutes: float | None = None


@dataclass(frozen=True)
class Dependency:
    """A step waits for the end of `step`, and starts if `trigger` is the end that came."""

    step: str
    trigger: Trigger = "Completed"


@dataclass(frozen=True)
class Branch:
    """A step stands in the IfSteps (`taken` True) or the ElseSteps (False) of `condition_step`."""

    condition_step: str
    taken: bool


@dataclass(frozen=True)
class Step:
    """One step; `arguments` is the raw JSON with its expressions unresolved.

    The `arguments` of a Condition step hold only its "Conditions": its branches are steps of their own, each with
    a `branch` that lists, outermost first, every Condition that must have gone that way for the step to run.
    Those of a ForEach step hold all but its ForEachBody, whose steps are its `body`: they are no steps themselves,
    but what its children are made of (for_each.py).
    `members` are what its type has beside its arguments (a Lambda step's FunctionArn), expressions unresolved.
    `json_path` says where the step stands in the definition, for messages.
    """

    name: str
    type: str
    arguments: Mapping[str, Json]
    depends_on: tuple[Dependency, ...] = ()
    property_files: tuple[PropertyFile, ...] = ()
    cache: CacheConfig | None = None
    retry_policies: tuple[RetryPolicy, ...] = ()
    branch: tuple[Branch, ...] = ()
    body: tuple[Step, ...] = ()
    json_path: str = "$"
    display_name: str | None = None
    description: str | None = None
    members: Mapping[str, Json] = field(default_factory=dict)
    # The Tuning step of which it is a trial.
    part_of: str | None = None

    def argument_path(self, *keys: str | int) -> str:
        """The JSON path of an argument, or of what stands in it under these keys and indices."""
        path = f"{self.json_path}.Arguments"
        for key in keys:
            path = child(path, key)
        return path


@dataclass(frozen=True)
class Definition:
    """A whole definition. `steps` is flat, in document order: a Condition's branches follow it.

    `parallelism` is the most steps that may run at once (None: no limit), `text` the JSON as it was given,
    `experiment` the PipelineExperimentConfig, whose values may be expressions; so may those of `mlflow`, the
    MlflowConfig, which is for SageMaker alone: the engine checks its form, and no cache key has it.
    """

    version: str
    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]
    text: str
    metadata: Mapping[str, Json] = field(default_factory=dict)
    parallelism: int | None = None
    experiment: Mapping[str, Json] = field(default_factory=dict)
    mlflow: Mapping[str, Json] = field(default_factory=dict)

    @property
    def places(self) -> list[str]:
        """The JSON paths of all steps, with those in bodies, in document order."""
        return [each.json_path for step in self.steps for each in (step, *step.body)]

    def step(self, name: str) -> Step:
        """The step called `name`; KeyError when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)
