"""What is wrong with a Tuning step's arguments, beyond their form: noted before anything runs.

Values that are expressions are looked at once they have a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping

from pipeline.near_match import did_you_mean
from pipeline.shown import listed, shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.for_each import is_child
from pipeline.spec.tuning import (
    KINDS,
    RESOURCE_NAMES,
    combinations,
    definitions_in,
    inferred_resource,
    objective_of,
    ranges_of,
    regex_of,
    training_request,
    trial_name,
)
from pipeline.spec.tuning import Range as _Range

STRATEGIES = ("Bayesian", "Random", "Grid", "Hyperband")
# Developer guide, "Automatic model tuning resource limits": the default quotas of an account.
MOST_TRIALS, MOST_AT_ONCE = 750, 100
_CONFIG = "HyperParameterTuningJobConfig"
# API reference: HyperParameterTuningJobConfig, ResourceLimits, HyperbandStrategyConfig, BestObjectiveNotImproving.
_WHOLE_NUMBERS: tuple[tuple[tuple[str, ...], int, float], ...] = (
    (("ResourceLimits", "MaxNumberOfTrainingJobs"), 1, MOST_TRIALS),
    (("ResourceLimits", "MaxParallelTrainingJobs"), 1, MOST_AT_ONCE),
    (("ResourceLimits", "MaxRuntimeInSeconds"), 120, 15_768_000),
    (("RandomSeed",), 0, math.inf),
    (("StrategyConfig", "HyperbandStrategyConfig", "MinResource"), 1, math.inf),
    (("StrategyConfig", "HyperbandStrategyConfig", "MaxResource"), 1, 20_000),
    (("TuningJobCompletionCriteria", "BestObjectiveNotImproving", "MaxNumberOfTrainingJobsNotImproving"), 3,
     math.inf),
)  # fmt: skip


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
                f"its trials are called {trial_name(step.name, 1)} and so on, as another step is: {name}",
            )


def problems(arguments: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Each problem with its place in the arguments."""
    config = arguments.get(_CONFIG)
    if not isinstance(config, Mapping):
        yield _CONFIG, "missing. Expected an object."
        return
    strategy = config.get("Strategy")
    if strategy not in STRATEGIES and not is_expression(strategy):
        yield f"{_CONFIG}.Strategy", f"expected one of {', '.join(STRATEGIES)}. Received: {shown(strategy)}"
    definitions = list(definitions_in(arguments))
    if not definitions or ("TrainingJobDefinition" in arguments and "TrainingJobDefinitions" in arguments):
        yield (
            "TrainingJobDefinition",
            "expected either TrainingJobDefinition or a list TrainingJobDefinitions, of at least one.",
        )
        return
    yield from _limits(config, grid=strategy == "Grid")
    yield from _early_stopping(config)
    objectives = [objective_of(config, definition) for _, definition in definitions]
    if any(objective != objectives[0] for objective in objectives):
        yield (
            "TrainingJobDefinitions",
            "the local engine compares all trials by one objective: give every TuningObjective the same Type and "
            "MetricName.",
        )
    for place, definition in definitions:
        yield from _resources(place, definition)
        yield from _objective(config, place, definition)
        yield from _ranges(config, place, definition, grid=strategy == "Grid")
    if strategy == "Grid":
        yield from _grid(config, [definition for _, definition in definitions])
    if strategy == "Hyperband":
        yield from _hyperband(config, definitions[0])


def _limits(config: Mapping[str, Json], *, grid: bool) -> Iterator[tuple[str, str]]:
    limits = config.get("ResourceLimits")
    place = f"{_CONFIG}.ResourceLimits"
    if not isinstance(limits, Mapping):
        yield place, "missing. Expected an object."
        return
    required = (
        ("MaxParallelTrainingJobs",) if grid else ("MaxNumberOfTrainingJobs", "MaxParallelTrainingJobs")
    )
    for name in required:
        if limits.get(name) is None:
            yield f"{place}.{name}", "missing. Expected a whole number from 1 up."
    for keys, least, most in _WHOLE_NUMBERS:
        value: Json = config
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is None or is_expression(value):
            continue
        if not (type(value) is int and least <= value <= most):
            extent = f"from {least} to {most}" if most < math.inf else f"from {least} up"
            yield ".".join((_CONFIG, *keys)), f"expected a whole number {extent}. Received: {shown(value)}"
    target = (config.get("TuningJobCompletionCriteria") or {}).get("TargetObjectiveMetricValue")
    if target is not None and not is_expression(target) and type(target) not in (int, float):
        yield (
            f"{_CONFIG}.TuningJobCompletionCriteria.TargetObjectiveMetricValue",
            f"expected a number. Received: {shown(target)}",
        )


def _resources(place: str, definition: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What the trials of a definition need that one of two members can say."""
    for name in ("StaticHyperParameters", "CheckpointConfig", "OutputDataConfig"):
        if not isinstance(definition.get(name, {}), Mapping):
            yield f"{place}.{name}", f"expected an object. Received: {shown(definition[name])}"
    resources = training_request(definition).get("ResourceConfig")
    if not isinstance(resources, Mapping) or "InstanceType" not in resources:
        yield (
            f"{place}.ResourceConfig",
            "missing. Expected an object with an InstanceType, or a HyperParameterTuningResourceConfig.",
        )


def _early_stopping(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    value = config.get("TrainingJobEarlyStoppingType")
    place = f"{_CONFIG}.TrainingJobEarlyStoppingType"
    if value not in (None, "Off", "Auto") and not is_expression(value):
        yield place, f"expected Off or Auto. Received: {shown(value)}"
    if value == "Auto" and config.get("Strategy") == "Hyperband":
        yield place, "Hyperband stops trials by its own rule: leave TrainingJobEarlyStoppingType at Off."


def _objective(
    config: Mapping[str, Json], place: str, definition: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    objective = objective_of(config, definition)
    at = f"{place}.TuningObjective" if definition.get("TuningObjective") else f"{_CONFIG}"
    if at == _CONFIG:
        at = f"{_CONFIG}.HyperParameterTuningJobObjective"
    if not isinstance(objective, Mapping) or not objective.get("MetricName"):
        yield at, "missing. Expected an object with Type and MetricName."
        return
    if objective.get("Type") not in ("Maximize", "Minimize") and not is_expression(objective.get("Type")):
        yield f"{at}.Type", f"expected Maximize or Minimize. Received: {shown(objective.get('Type'))}"
    metric = objective["MetricName"]
    specification = definition.get("AlgorithmSpecification")
    image = specification.get("TrainingImage") if isinstance(specification, Mapping) else None
    if is_expression(metric) or not isinstance(specification, Mapping):
        return
    entries: Json = specification.get("MetricDefinitions") or []
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        yield f"{place}.AlgorithmSpecification.MetricDefinitions", "expected a list of objects."
        return
    names = [str(entry.get("Name")) for entry in entries]
    if metric not in names and is_expression(image):
        return  # Whether a built-in algorithm's own metric is meant is not known yet.
    regex = regex_of(definition, str(metric))
    if regex is None:
        yield (
            f"{at}.MetricName",
            f"no regular expression says where the log tells {shown(metric)}: MetricDefinitions has "
            f"{listed(names)}.{did_you_mean(str(metric), names)}",
        )
        return
    try:
        groups = re.compile(regex).groups
    except (re.error, RecursionError) as error:
        yield f"{at}.MetricName", f"the Regex of {shown(metric)} is none: {error}. Received: {shown(regex)}"
        return
    if groups < 1:
        yield (
            f"{at}.MetricName",
            f"the Regex of {shown(metric)} has no group, so it finds no value. Received: {shown(regex)}",
        )


def _ranges(
    config: Mapping[str, Json], place: str, definition: Mapping[str, Json], *, grid: bool
) -> Iterator[tuple[str, str]]:
    own = bool(definition.get("HyperParameterRanges"))
    at = f"{place}.HyperParameterRanges" if own else f"{_CONFIG}.ParameterRanges"
    ranges = ranges_of(config, definition)
    static = definition.get("StaticHyperParameters")
    static = static if isinstance(static, Mapping) else {}
    seen: set[str] = set()
    for member, kind in KINDS.items():
        entries: Json = ranges.get(member) or []
        if not isinstance(entries, list):
            yield f"{at}.{member}", f"expected a list. Received: {shown(entries)}"
            continue
        for index, entry in enumerate(entries):
            here = f"{at}.{member}[{index}]"
            if not isinstance(entry, Mapping) or not isinstance(entry.get("Name"), str):
                yield here, f"expected an object with a Name. Received: {shown(entry)}"
                continue
            name = entry["Name"]
            if name in seen:
                yield f"{here}.Name", f"{shown(name)} is tuned twice: keep one of its ranges."
            if name in static:
                yield (
                    f"{here}.Name",
                    f"{shown(name)} is tuned and stands in StaticHyperParameters, too: take it out of one of them.",
                )
            seen.add(name)
            if kind == "Categorical":
                yield from _categories(entry, here)
            else:
                yield from _bounds(entry, here, whole=kind == "Integer")
            if grid and kind != "Categorical":
                yield here, "the strategy Grid takes categorical ranges alone: list the values to try."
    if not seen:
        yield at, "there is nothing to tune: give at least one range."


def _categories(entry: Mapping[str, Json], here: str) -> Iterator[tuple[str, str]]:
    values = entry.get("Values")
    if is_expression(values):
        return
    if not isinstance(values, list) or not values:
        yield f"{here}.Values", f"the range is empty: list at least one value. Received: {shown(values)}"
        return
    for index, value in enumerate(values):
        if not is_expression(value) and not isinstance(value, str):
            yield f"{here}.Values[{index}]", f"expected a string. Received: {shown(value)}"
    texts = [value for value in values if isinstance(value, str)]
    if len(set(texts)) < len(texts):
        twice = listed(sorted({value for value in texts if texts.count(value) > 1}))
        yield f"{here}.Values", f"each value stands there once. Received twice: {twice}"


def _bounds(entry: Mapping[str, Json], here: str, *, whole: bool) -> Iterator[tuple[str, str]]:
    found: dict[str, float] = {}
    for key in ("MinValue", "MaxValue"):
        text = entry.get(key)
        if is_expression(text):
            return
        number = _number(text, whole=whole)
        if number is None:
            kind = "whole number" if whole else "number"
            yield f"{here}.{key}", f"expected a {kind}, written as a string. Received: {shown(text)}"
        else:
            found[key] = number
    scaling = entry.get("ScalingType")
    if len(found) < 2 or is_expression(scaling):
        return
    low, high = found["MinValue"], found["MaxValue"]
    if low > high:
        yield f"{here}.MinValue", f"the range is empty: {low:g} is above MaxValue={high:g}."
    if scaling not in (None, "Auto", "Linear", "Logarithmic", "ReverseLogarithmic"):
        yield (
            f"{here}.ScalingType",
            f"expected one of Auto, Linear, Logarithmic, ReverseLogarithmic. Received: {shown(scaling)}",
        )
    if scaling == "Logarithmic" and low <= 0:
        yield f"{here}.MinValue", f"a logarithmic range begins above 0. Received: {shown(entry['MinValue'])}"
    if scaling == "ReverseLogarithmic":
        if whole:
            yield f"{here}.ScalingType", "a reverse logarithmic range is one of continuous values."
        elif not 0 <= low <= high < 1:
            yield (
                f"{here}.MaxValue",
                f"a reverse logarithmic range lies from 0 to below 1. Received: {low:g} to {high:g}",
            )


def _number(text: Json, *, whole: bool) -> float | None:
    if not isinstance(text, str):
        return None
    try:
        number = float(int(text)) if whole else float(text)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _grid(config: Mapping[str, Json], definitions: list[Mapping[str, Json]]) -> Iterator[tuple[str, str]]:
    """Developer guide, "Grid search": the number of trials, if it is given, is that of the combinations."""
    count = 0
    for definition in definitions:
        entries = ranges_of(config, definition).get("CategoricalParameterRanges") or []
        if not all(isinstance(entry, Mapping) and isinstance(entry.get("Values"), list) for entry in entries):
            return
        count += combinations(
            tuple(_Range("", "Categorical", values=tuple(map(str, entry["Values"]))) for entry in entries)
        )
    limits = config.get("ResourceLimits")
    wanted = limits.get("MaxNumberOfTrainingJobs") if isinstance(limits, Mapping) else None
    place = f"{_CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs"
    if type(wanted) is int and wanted != count:
        yield (
            place,
            f"the grid has {count} combinations: ask for that many trials, or leave the number out. "
            f"Received: {wanted}",
        )
    elif wanted is None and count > MOST_TRIALS:
        yield place, f"the grid has {count:,} combinations, and {MOST_TRIALS} trials are the most."


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
                f"missing, and none of {', '.join(RESOURCE_NAMES)} among the StaticHyperParameters of {place} "
                "tells it. Give the number of epochs of the longest training.",
            )
            return
    if type(least) is int and type(most) is int and least > most:
        yield f"{at}.MinResource", f"the range is empty: {least} is above MaxResource={most}."
