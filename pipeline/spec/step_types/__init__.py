"""The types of steps, one module each. To add one, write its module and put its StepType into STEP_TYPES.

Everything that reads, checks, caches or runs steps asks this table, when it needs to: nothing else lists them.
"""

from __future__ import annotations

from pipeline.spec.step_types.callback import CALLBACK
from pipeline.spec.step_types.checks import CLARIFY_CHECK, QUALITY_CHECK
from pipeline.spec.step_types.cleanup import CLEANUP
from pipeline.spec.step_types.condition import CONDITION
from pipeline.spec.step_types.fail import FAIL
from pipeline.spec.step_types.for_each import FOR_EACH
from pipeline.spec.step_types.lambda_function import LAMBDA
from pipeline.spec.step_types.model import MODEL
from pipeline.spec.step_types.processing import PROCESSING
from pipeline.spec.step_types.register_model import REGISTER_MODEL
from pipeline.spec.step_types.step_type import StepType
from pipeline.spec.step_types.training import TRAINING
from pipeline.spec.step_types.transform import TRANSFORM
from pipeline.spec.step_types.tuning import TUNING

STEP_TYPES: dict[str, StepType] = {
    step_type.name: step_type
    for step_type in (
        PROCESSING,
        TRAINING,
        REGISTER_MODEL,
        MODEL,
        CONDITION,
        FAIL,
        FOR_EACH,
        LAMBDA,
        CALLBACK,
        QUALITY_CHECK,
        CLARIFY_CHECK,
        TRANSFORM,
        CLEANUP,
        TUNING,
    )
}


def executed() -> tuple[str, ...]:
    """The types that the local engine executes."""
    return tuple(name for name, step_type in STEP_TYPES.items() if step_type.runs != "nowhere")


def is_executed(name: str) -> bool:
    """Whether the local engine executes steps of this type."""
    return name in executed()


def job_types() -> frozenset[str]:
    """The types whose steps share the machine's cores."""
    return frozenset(name for name, step_type in STEP_TYPES.items() if step_type.runs == "job")
