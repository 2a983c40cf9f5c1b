"""The QualityCheck and ClarifyCheck steps: locally they pass where they are told to skip their check."""

from __future__ import annotations

from pipeline.spec.argument_rules import Skipped
from pipeline.spec.definition import Step
from pipeline.spec.json_object import JsonObject
from pipeline.spec.references import Path
from pipeline.spec.step_types.step_type import StepType

_KEYS = (
    "CacheConfig",
    "CheckType",
    "ModelPackageGroupName",
    "SkipCheck",
    "FailOnViolation",
    "RegisterNewBaseline",
    "SuppliedBaselineConstraints",
)
_CONSTRAINTS: list[Path] = [("CalculatedBaselineConstraints",), ("BaselineUsedForDriftCheckConstraints",)]
_STATISTICS: list[Path] = [("CalculatedBaselineStatistics",), ("BaselineUsedForDriftCheckStatistics",)]


def _check(entry: JsonObject) -> None:
    if "SkipCheck" not in entry.value:
        # Left out it is false.
        entry.note("SkipCheck", str(Skipped("SkipCheck").problem(False)), "here")


def _quality(step: Step) -> list[Path]:
    return [*_CONSTRAINTS, *_STATISTICS]


def _clarify(step: Step) -> list[Path]:
    return _CONSTRAINTS


QUALITY_CHECK = StepType(
    name="QualityCheck",
    runs="call",
    runner="pipeline.local.jobs.skipped_check:skip_quality_check",
    keys=(*_KEYS, "SuppliedBaselineStatistics"),
    member_rules=(Skipped("SkipCheck"),),
    check=_check,
    properties=_quality,
)
CLARIFY_CHECK = StepType(
    name="ClarifyCheck",
    runs="call",
    runner="pipeline.local.jobs.skipped_check:skip_clarify_check",
    keys=(*_KEYS, "ModelName"),
    member_rules=(Skipped("SkipCheck"),),
    check=_check,
    properties=_clarify,
)
