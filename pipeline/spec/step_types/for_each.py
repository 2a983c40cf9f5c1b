"""The ForEach step: the scheduler runs the steps of its body for each of its items (pipeline/spec/for_each.py)."""

from __future__ import annotations

from pipeline.spec.step_types.step_type import StepType

FOR_EACH = StepType(name="ForEach", runs="here")
