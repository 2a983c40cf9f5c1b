"""The ForEach step: the scheduler runs the steps of its body for each of its items (pipeline/spec/for_each.py)."""

from __future__ import annotations

from pipeline.spec.for_each import check_for_each
from pipeline.spec.step_types.step_type import StepType

FOR_EACH = StepType(name="ForEach", runs="here", check_among=check_for_each)
