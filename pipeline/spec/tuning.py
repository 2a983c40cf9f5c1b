"""What a Tuning step searches (a CreateHyperParameterTuningJob request), and the request of each of its trials.

What is wrong with one is noted by tuning_checks.py, before anything runs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pipeline.spec.built_in import metric_regex
from pipeline.spec.definition import Json

Strategy = Literal["Bayesian", "Random", "Grid", "Hyperband"]
Kind = Literal["Integer", "Continuous", "Categorical"]
Scaling = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]

# By their member of ParameterRanges.
KINDS: Final[Mapping[str, Kind]] = {
    "IntegerParameterRanges": "Integer",
    "ContinuousParameterRanges": "Continuous",
    "CategoricalParameterRanges": "Categorical",
}
# ScalingType Auto is logarithmic from this ratio of the bounds on. SageMaker does not say how it chooses.
_WIDE = 100.0
# API reference, HyperbandStrategyConfig: where MaxResource comes from when it is left out.
RESOURCE_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
OBJECTIVE_NAME = "_tuning_objective_metric"
# Of a TrainingJobDefinition, what is no member of a CreateTrainingJob request.
_NOT_OF_A_JOB = frozenset({
    "DefinitionName", "TuningObjective", "HyperParameterRanges", "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
})  # fmt: skip


@dataclass(frozen=True)
class Range:
    """What values a hyperparameter can have: numbers from `low` to `high`, or one of the texts `values`."""

    name: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0
    scaling: Scaling = "Linear"
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One TrainingJobDefinition: `request` is what all of its trials ask for, but for what is tuned.

    `regex` finds the objective in a line of a trial's log, as its first group.
    """

    name: str | None
    request: Mapping[str, Json]
    ranges: tuple[Range, ...]
    regex: str


@dataclass(frozen=True)
class Search:
    """A search: `trials` trainings at most, `at_once` of them at the same time, for `metric`.

    `min_resource` and `max_resource` count values of the objective that a trial tells (Hyperband alone). The search
    ends early at `target`, after `patience` trials without a better one, or after `time_limit` seconds.
    """

    strategy: Strategy
    metric: str
    maximize: bool
    trials: int
    at_once: int
    seed: int
    early_stopping: bool
    families: tuple[Family, ...]
    min_resource: int = 1
    max_resource: int | None = None
    target: float | None = None
    patience: int | None = None
    time_limit: float | None = None

    def family_of(self, number: int) -> tuple[int, int]:
        """Of the trial with that number, from 1: the place of its family, and its number there, from 0.

        Families take turns; in a grid one whose combinations are used up is passed over.
        """
        rooms = [self._room(family) for family in self.families]
        used = [0] * len(rooms)
        at = -1
        for _ in range(number):
            at = (at + 1) % len(rooms)
            while used[at] >= rooms[at]:
                at = (at + 1) % len(rooms)
            used[at] += 1
        return at, used[at] - 1

    def _room(self, family: Family) -> float:
        return combinations(family.ranges) if self.strategy == "Grid" else math.inf

    def better(self, one: float, other: float) -> bool:
        """Whether the objective `one` is better than `other`."""
        return one > other if self.maximize else one < other


def combinations(ranges: tuple[Range, ...]) -> int:
    """How many combinations of values there are of categorical ranges."""
    return math.prod(len(each.values) for each in ranges)


def read_search(arguments: Mapping[str, Json]) -> Search:
    """The search that a step's resolved arguments ask for, which have been checked."""
    config = arguments["HyperParameterTuningJobConfig"]
    limits = config["ResourceLimits"]
    definitions = [definition for _, definition in definitions_in(arguments)]
    objective = objective_of(config, definitions[0])
    families = tuple(_family(config, definition, objective["MetricName"]) for definition in definitions)
    strategy: Strategy = config["Strategy"]
    criteria = config.get("TuningJobCompletionCriteria") or {}
    trials = limits.get("MaxNumberOfTrainingJobs")
    if trials is None:
        trials = sum(combinations(family.ranges) for family in families)
    hyperband = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    resource = hyperband.get("MaxResource") or inferred_resource(definitions[0])
    return Search(
        strategy=strategy,
        metric=objective["MetricName"],
        maximize=objective["Type"] == "Maximize",
        trials=int(trials),
        at_once=int(limits["MaxParallelTrainingJobs"]),
        seed=int(config.get("RandomSeed") or 0),
        early_stopping=config.get("TrainingJobEarlyStoppingType") == "Auto",
        families=families,
        min_resource=int(hyperband.get("MinResource") or 1),
        max_resource=resource if strategy == "Hyperband" else None,
        target=criteria.get("TargetObjectiveMetricValue"),
        patience=(criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving"),
        time_limit=limits.get("MaxRuntimeInSeconds"),
    )


def definitions_in(arguments: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Every TrainingJobDefinition of the arguments with its path in them; what is no object is left out."""
    alone = arguments.get("TrainingJobDefinition")
    if isinstance(alone, Mapping):
        yield "TrainingJobDefinition", alone
    several = arguments.get("TrainingJobDefinitions")
    for index, definition in enumerate(several if isinstance(several, list) else ()):
        if isinstance(definition, Mapping):
            yield f"TrainingJobDefinitions[{index}]", definition


def objective_of(config: Mapping[str, Json], definition: Mapping[str, Json]) -> Mapping[str, Json]:
    """What the trials of `definition` are compared by: its own objective, or that of all."""
    return _object(definition.get("TuningObjective") or config.get("HyperParameterTuningJobObjective"))


def ranges_of(config: Mapping[str, Json], definition: Mapping[str, Json]) -> Mapping[str, Json]:
    """The ParameterRanges of `definition`: its own, or those of all."""
    return _object(definition.get("HyperParameterRanges") or config.get("ParameterRanges"))


def _object(value: Json) -> Mapping[str, Json]:
    """`value`; what is no object is noted elsewhere, and has nothing in it."""
    return value if isinstance(value, Mapping) else {}


def inferred_resource(definition: Mapping[str, Json]) -> int | None:
    """The MaxResource that the static hyperparameters tell; None when they tell none."""
    static = _object(definition.get("StaticHyperParameters"))
    for name in RESOURCE_NAMES:
        text = str(static.get(name, ""))
        if text.isdecimal() and int(text) > 0:
            return int(text)
    return None


def training_request(definition: Mapping[str, Json]) -> dict[str, Json]:
    """The CreateTrainingJob request of a TrainingJobDefinition, without what is tuned; may hold expressions."""
    request = {name: value for name, value in definition.items() if name not in _NOT_OF_A_JOB}
    resources = definition.get("HyperParameterTuningResourceConfig")
    if isinstance(resources, Mapping):
        several = resources.get("InstanceConfigs")
        first = several[0] if isinstance(several, list) and several else resources
        names = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
        request["ResourceConfig"] = {
            **{name: first[name] for name in names if name in first},
            **{name: resources[name] for name in ("VolumeKmsKeyId",) if name in resources},
        }
    return {**request, "HyperParameters": dict(_object(definition.get("StaticHyperParameters")))}


def training_requests(arguments: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The training_request of every TrainingJobDefinition of a Tuning step's arguments."""
    return [training_request(definition) for _, definition in definitions_in(arguments)]


def regex_of(definition: Mapping[str, Json], metric: str) -> str | None:
    """The regular expression that finds `metric` in the log of a trial; None when nothing says one."""
    specification = _object(definition.get("AlgorithmSpecification"))
    for entry in specification.get("MetricDefinitions") or ():
        if entry.get("Name") == metric:
            return str(entry.get("Regex"))
    return metric_regex(str(specification.get("TrainingImage") or ""), metric)


def _family(config: Mapping[str, Json], definition: Mapping[str, Json], metric: str) -> Family:
    request = training_request(definition)
    request["HyperParameters"][OBJECTIVE_NAME] = metric
    regex = regex_of(definition, metric) or ""
    specification = dict(request["AlgorithmSpecification"])
    known = specification.get("MetricDefinitions") or []
    if all(entry["Name"] != metric for entry in known):
        specification["MetricDefinitions"] = [*known, {"Name": metric, "Regex": regex}]
    request["AlgorithmSpecification"] = specification
    ranges = ranges_of(config, definition)
    return Family(
        definition.get("DefinitionName"),
        request,
        tuple(_range(kind, entry) for member, kind in KINDS.items() for entry in ranges.get(member) or ()),
        regex,
    )


def _range(kind: Kind, entry: Mapping[str, Json]) -> Range:
    if kind == "Categorical":
        return Range(entry["Name"], kind, values=tuple(entry["Values"]))
    low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    wide = low > 0 and high / low >= _WIDE
    scaling: Scaling = "Logarithmic" if wide else "Linear"
    if entry.get("ScalingType") not in (None, "Auto"):
        scaling = entry["ScalingType"]
    return Range(entry["Name"], kind, low, high, scaling)


def trial_request(family: Family, step: str, number: int, tuned: Mapping[str, str]) -> dict[str, Json]:
    """The CreateTrainingJob request of the trial with that number, whose hyperparameters `tuned` have these values.

    Its checkpoints have a place of their own, which the same trial finds again.
    """
    hyperparameters = {**family.request["HyperParameters"], **tuned}
    request = {**family.request, "HyperParameters": hyperparameters}
    if checkpoints := request.get("CheckpointConfig"):
        digest = hashlib.sha256(json.dumps(hyperparameters, sort_keys=True).encode()).hexdigest()[:16]
        place = f"{str(checkpoints['S3Uri']).rstrip('/')}/{trial_name(step, number)}-{digest}"
        request["CheckpointConfig"] = {**checkpoints, "S3Uri": place}
    return request


def trial_name(step: str, number: int) -> str:
    """What the trial with that number, from 1, is called."""
    return f"{step}-{number:03d}"
