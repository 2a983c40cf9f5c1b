"""What is wrong with a Tuning step's arguments, beyond what the service's model and the type's own entry say.

Noted before anything runs; its ranges are looked at in tuning_ranges.py.

Values that are expressions are looked at once they have a value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from pipeline.near_match import did_you_mean
from pipeline.shown import listed, shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.for_each import is_child
from pipeline.spec.tuning import (
    RESOURCE_NAMES,
    definitions_in,
    inferred_resource,
    objective_of,
    regex_of,
    training_request,
    trial_name,
)
from pipeline.spec.tuning_ranges import grid_problems, range_problems

_CONFIG = "HyperParameterTuningJobConfig"


def check_tuning(arguments: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes what in a Tuning step's arguments, which stand at `path`, cannot be searched."""
    for place, problem in problems(arguments):
        findings.add(f"{path}.{place}", problem)


def check_names(step: Step, names: Collection[str], findings: Findings) -> None:
    """Notes the names of other steps that a trial may have."""
    for name in names:
        if is_child(name, step.name):
            findings.add(
                f"{step.json_path}.Name",
                f"its trials are named {trial_name(step.name, 1)} and so on, and so is another step: {name}.",
            )


def problems(arguments: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Each problem with its place in the arguments."""
    config = arguments.get(_CONFIG)
    if not isinstance(config, Mapping):
        return
    strategy = config.get("Strategy")
    definitions = list(definitions_in(arguments))
    if not definitions or ("TrainingJobDefinition" in arguments and "TrainingJobDefinitions" in arguments):
        yield (
            "TrainingJobDefinition",
            "give either TrainingJobDefinition or a list TrainingJobDefinitions with at least one.",
        )
        return
    limits = config.get("ResourceLimits")
    if strategy != "Grid" and isinstance(limits, Mapping) and limits.get("MaxNumberOfTrainingJobs") is None:
        yield (
            f"{_CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs",
            "missing: give a whole number from 1 up.",
        )
    if config.get("TrainingJobEarlyStoppingType") == "Auto" and strategy == "Hyperband":
        place = f"{_CONFIG}.TrainingJobEarlyStoppingType"
        yield place, "Hyperband stops trials by its own rule: leave TrainingJobEarlyStoppingType at Off."
    objectives = [objective_of(config, definition) for _, definition in definitions]
    if any(objective != objectives[0] for objective in objectives):
        yield (
            "TrainingJobDefinitions",
            "the local engine compares all trials by one objective: give every TuningObjective the same "
            "Type and MetricName.",
        )
    for place, definition in definitions:
        yield from _resources(place, definition)
        yield from _objective(config, place, definition)
        yield from range_problems(config, place, definition, grid=strategy == "Grid")
    if strategy == "Grid":
        yield from grid_problems(config, [definition for _, definition in definitions])
    if strategy == "Hyperband":
        yield from _hyperband(config, definitions[0])


def _resources(place: str, definition: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What the trials of a definition need that one of two members can say."""
    resources = training_request(definition).get("ResourceConfig")
    if not isinstance(resources, Mapping) or "InstanceType" not in resources:
        yield (
            f"{place}.ResourceConfig",
            "missing: give an object with an InstanceType, or a HyperParameterTuningResourceConfig.",
        )


def _objective(
    config: Mapping[str, Json], place: str, definition: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    objective = objective_of(config, definition)
    at = f"{place}.TuningObjective" if definition.get("TuningObjective") else f"{_CONFIG}"
    if at == _CONFIG:
        at = f"{_CONFIG}.HyperParameterTuningJobObjective"
    if not isinstance(objective, Mapping) or not objective.get("MetricName"):
        yield at, "missing: give an object with Type and MetricName."
        return
    metric = objective["MetricName"]
    specification = definition.get("AlgorithmSpecification")
    image = specification.get("TrainingImage") if isinstance(specification, Mapping) else None
    if is_expression(metric) or not isinstance(specification, Mapping):
        return
    entries: Json = specification.get("MetricDefinitions") or []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        return
    names = [str(entry.get("Name")) for entry in entries]
    if metric not in names and is_expression(image):
        return  # Whether a built-in algorithm's own metric is meant is not known yet.
    regex = regex_of(definition, str(metric))
    if regex is None:
        yield (
            f"{at}.MetricName",
            f"no regular expression finds {shown(metric)} in the log: MetricDefinitions has "
            f"{listed(names)}.{did_you_mean(str(metric), names)}",
        )
        return
    try:
        groups = re.compile(regex).groups
    except (re.error, RecursionError) as error:
        yield f"{at}.MetricName", f"the Regex of {shown(metric)}, {shown(regex)}, is not valid: {error}."
        return
    if groups < 1:
        yield (
            f"{at}.MetricName",
            f"the Regex of {shown(metric)}, {shown(regex)}, has no group, so it finds no value.",
        )


def _hyperband(
    config: Mapping[str, Json], first: tuple[str, Mapping[str, Json]]
) -> Iterator[tuple[str, str]]:
    place, definition = first
    strategy = config.get("StrategyConfig")
    bounds = strategy.get("HyperbandStrategyConfig") if isinstance(strategy, Mapping) else None
    bounds = bounds if isinstance(bounds, Mapping) else {}
    at = f"{_CONFIG}.StrategyConfig.HyperbandStrategyConfig"
    least, most = bounds.get("MinResource") or 1, bounds.get("MaxResource")
    if most is None:
        static = definition.get("StaticHyperParameters")
        static = static if isinstance(static, Mapping) else {}
        if any(is_expression(static.get(name)) for name in RESOURCE_NAMES):
            return
        most = inferred_resource(definition)
        if most is None:
            yield (
                f"{at}.MaxResource",
                f"missing, and the StaticHyperParameters of {place} have none of {', '.join(RESOURCE_NAMES)} "
                "to take its place. Give the number of epochs of the longest training.",
            )
            return
    if type(least) is int and type(most) is int and least > most:
        yield f"{at}.MinResource", f"the range is empty: {least} is above MaxResource={most}."
