"""The Tuning step: a CreateHyperParameterTuningJob request, whose trials are training jobs."""

from __future__ import annotations

from dataclasses import replace

from pipeline.spec.argument_rules import Never, Only
from pipeline.spec.step_types.step_type import Operation, StepType
from pipeline.spec.step_types.training import TRAINING
from pipeline.spec.tuning_checks import check_names, check_tuning

_DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions.*")
_CONFIG = "HyperParameterTuningJobConfig"


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
        *(
            _place(definition, place)
            for definition in _DEFINITIONS
            for place in TRAINING.needs
            # It may be a HyperParameterTuningResourceConfig; see tuning_checks.py.
            if not place.startswith("ResourceConfig")
        ),
    ),
    rules=(
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
