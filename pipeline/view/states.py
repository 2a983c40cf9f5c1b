"""How a step's or an execution's state is shown: a symbol and a word each, so that no one needs the colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.execution import STEP_ENDS, StepRecord


@dataclass(frozen=True)
class State:
    """A state's symbol, its word, and its style on a terminal (cyan, red and yellow also differ in lightness)."""

    symbol: str
    word: str
    style: str


REUSED = State("↺", "reused", "cyan")

STATES: Mapping[str, State] = {
    "Pending": State("·", "waiting", "dim"),
    "Starting": State("▸", "starting", "bold"),
    "Executing": State("▶", "running", "bold"),
    "Stopping": State("◼", "stopping", "yellow"),
    "Stopped": State("◼", "stopped", "yellow"),
    "Failed": State("✗", "failed", "bold red"),
    "CompletedWithFailures": State("✗", "completed with failures", "bold red"),
    "Succeeded": State("✓", "succeeded", "cyan"),
    "Skipped": State("–", "skipped", "dim"),
}


def state_of(status: str) -> State:
    """The state that a status of SageMaker's is shown as; one that is not known is shown as it is."""
    return STATES.get(status, State("?", status, ""))


def step_state(step: StepRecord) -> State:
    """The state that a step is shown as: a step that succeeded by its cache reads "reused"."""
    if step.cached and step.status == "Succeeded":
        return REUSED
    return state_of(step.status)


def has_ended(step: StepRecord) -> bool:
    """Whether nothing will happen to the step any more."""
    return step.status in STEP_ENDS
