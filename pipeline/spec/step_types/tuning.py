"""The Tuning step: a CreateHyperParameterTuningJob request, whose trials are training jobs."""

from __future__ import annotations

from dataclasses import replace

from pipeline.spec.argument_rules import Between, Never, Only
from pipeline.spec.step_types.step_type import Operation, StepType
from pipeline.spec.step_types.training import TRAINING
from pipeline.spec.tuning_checks import check_names, check_tuning
from pipeline.spec.tuning_ranges import MOST_TRIALS

_DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions.*")
_CONFIG = "HyperParameterTuningJobConfig"
_OBJECTIVES = (
    f"{_CONFIG}.HyperParameterTuningJobObjective",
    *(f"{definition}.TuningObjective" for definition in _DEFINITIONS),
)
_SCALES = ("Auto", "Linear", "Logarithmic", "ReverseLogarithmic")
_SCALED = tuple(
    f"{place}.{kind}ParameterRanges"
    for place in (f"{_CONFIG}.ParameterRanges", *(f"{each}.HyperParameterRanges" for each in _DEFINITIONS))
    for kind in ("Integer", "Continuous")
)


def _place(definition: str, place: str) -> str:
    """Where a TrainingJobDefinition has what a CreateTrainingJob request has at `place`."""
    return f"{definition}.{place.replace('HyperParameters', 'StaticHyperParameters')}"


TUNING = StepType(
    name="Tuning",
    runs="here",
    keys=("CacheConfig", "RetryPolicies"),
    operation=Operation(
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "HyperParameterTuningJobName",
        lists="ListTrainingJobsForHyperParameterTuningJob",
    ),
    needs=(
        _CONFIG,
        f"{_CONFIG}.Strategy",
        f"{_CONFIG}.ResourceLimits",
        f"{_CONFIG}.ResourceLimits.MaxParallelTrainingJobs",
        *(
            _place(definition, place)
            for definition in _DEFINITIONS
            for place in TRAINING.needs
            # It may be a HyperParameterTuningResourceConfig; see tuning_checks.py.
            if not place.startswith("ResourceConfig")
        ),
    ),
    rules=(
        Only(f"{_CONFIG}.Strategy", ("Bayesian", "Random", "Grid", "Hyperband")),
        # Developer guide, "Automatic model tuning resource limits": the default quotas of an account.
        Between(f"{_CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs", 1, MOST_TRIALS),
        Between(f"{_CONFIG}.ResourceLimits.MaxParallelTrainingJobs", 1, 100),
        Between(f"{_CONFIG}.StrategyConfig.HyperbandStrategyConfig.MaxResource", 1, 20_000),
        Only(f"{_CONFIG}.TrainingJobEarlyStoppingType", ("Off", "Auto")),
        *(Only(f"{place}.Type", ("Maximize", "Minimize")) for place in _OBJECTIVES),
        *(Only(f"{place}.*.ScalingType", _SCALES) for place in _SCALED),
        Never("WarmStartConfig"),
        Never("Autotune"),
        Never(f"{_CONFIG}.ParameterRanges.AutoParameters"),
        Never("TrainingJobDefinition.HyperParameterRanges.AutoParameters"),
        Never("TrainingJobDefinitions.*.HyperParameterRanges.AutoParameters"),
        Only(
            f"{_CONFIG}.TuningJobCompletionCriteria.ConvergenceDetected.CompleteOnConvergence", ("Disabled",)
        ),
        *(
            replace(rule, place=_place(definition, rule.place))
            for definition in _DEFINITIONS
            for rule in TRAINING.rules
        ),
    ),
    check_among=check_names,
    check_arguments=check_tuning,
    inputs=tuple(_place(definition, place) for definition in _DEFINITIONS for place in TRAINING.inputs),
    outputs=tuple(_place(definition, place) for definition in _DEFINITIONS for place in TRAINING.outputs),
    # Developer guide, "Default cache key attributes by pipeline step type".
    cache_attributes=(_CONFIG, "TrainingJobDefinition", "TrainingJobDefinitions"),
)
