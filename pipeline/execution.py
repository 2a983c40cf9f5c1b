"""What an execution and its steps look like to the command line, the live view and the report, on every target.

Statuses are SageMaker's (DescribePipelineExecution, ListPipelineExecutionSteps), plus "Pending" for a step that has
not started and "Skipped" for one on a branch that was not taken, which the service simply does not list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import is_not
from typing import Any, Final, Literal, Protocol

from pipeline.errors import UsageError
from pipeline.shown import listed

ExecutionStatus = Literal["Executing", "Stopping", "Stopped", "Failed", "Succeeded", "CompletedWithFailures"]
StepStatus = Literal[
    "Pending", "Starting", "Executing", "Stopping", "Stopped", "Failed", "Succeeded", "Skipped"
]
# The states after which nothing happens to an execution, or a step, any more: the only lists of them. SageMaker's
# CompletedWithFailures is an execution that came to its end although steps of it failed: others ran on that.
EXECUTION_ENDS: Final[frozenset[str]] = frozenset({"Succeeded", "CompletedWithFailures", "Failed", "Stopped"})
STEP_ENDS: Final[frozenset[str]] = frozenset({"Succeeded", "Failed", "Stopped", "Skipped"})
# An execution of which no step ran for longer was interrupted and resumed.
PAUSE_SECONDS: Final = 60.0
# The target that commands have without --target, and whose executions the state folder keeps whole.
LOCAL: Final = "local"


def target_flag(target: str) -> str:
    """What a command about something on a target is told of it: " --target sagemaker", or nothing for LOCAL."""
    return "" if target == LOCAL else f" --target {target}"


@dataclass(frozen=True)
class StepRecord:
    """One step of one execution. Times are seconds since the epoch; `seconds` is the step's wall time.

    A step that did not run because an earlier execution's result serves is `cached`, and `reused_from` names that.
    """

    name: str
    type: str
    status: StepStatus = "Pending"
    started_at: float | None = None
    ended_at: float | None = None
    cached: bool = False
    reused_from: str | None = None
    attempts: int = 0
    failure_reason: str | None = None
    # Skipped because it was not among the steps selected to run, whatever the steps before it did.
    left_out: bool = False
    # The ForEach step that runs it for one of its items.
    part_of: str | None = None
    # How its job's program was started, for a step that ran one here; see pipeline.local.jobs.launchers.
    launcher: str | None = None
    # What Get of Steps.<name>.* sees: the Describe response of the job, as SageMaker shapes it.
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Wall time in seconds, None until the step has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.started_at


@dataclass(frozen=True)
class ExecutionRecord:
    """One execution of a pipeline: its parameters as resolved, its steps in the definition's order.

    How it was started, for resuming it: `parallel` is the most jobs at once (None: what the definition says), and
    `use_cache` whether steps may be reused. `stand_ins` are the commands that run in the place of images, by step
    or image, and `python` the program that jobs run with (None: the one that runs the engine);
    `handlers` are the functions of Lambda and Callback steps, FILE:FUNCTION by what they are for. `images`, None
    unless jobs run in containers, are those that the user named for steps, or in the place of others.
    """

    execution_id: str
    pipeline_name: str
    target: str
    status: ExecutionStatus
    parameters: Mapping[str, Any]
    started_at: float
    ended_at: float | None = None
    failure_reason: str | None = None
    steps: tuple[StepRecord, ...] = ()
    parallel: int | None = None
    use_cache: bool = True
    stand_ins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    python: str | None = None
    handlers: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will happen to it any more, as far as is known."""
        return self.status in EXECUTION_ENDS

    @property
    def seconds(self) -> float | None:
        """How long it took, in seconds, but for pauses before a `resume`; None until its end."""
        return None if self.ended_at is None else self.seconds_until(self.ended_at)

    @property
    def local(self) -> bool:
        """Whether the local engine ran it: then its steps are kept, to be built on and gone on from."""
        return self.target == LOCAL

    @property
    def flag(self) -> str:
        """What a command about it is told of its target: see target_flag."""
        return target_flag(self.target)

    def seconds_until(self, now: float) -> float:
        """How long it has taken at `now` (seconds since the epoch): what passed, but for pauses.

        What a step did before it was interrupted counts as a pause: it runs again, and its times are the new ones.
        """
        paused, reached = 0.0, self.started_at
        spans = [
            (step.started_at, now if step.ended_at is None else step.ended_at)
            for step in self.steps
            if step.started_at is not None
        ]
        for start, end in sorted(spans):
            if start - reached > PAUSE_SECONDS:
                paused += start - reached
            reached = max(reached, end)
        return now - self.started_at - paused

    def step(self, name: str) -> StepRecord:
        """The step called `name`; UsageError when the execution has none."""
        for step in self.steps:
            if step.name == name:
                return step
        names = listed([step.name for step in self.steps])
        raise UsageError(f"Execution {self.execution_id} has no step {name!r}. Its steps are {names}.")


def changed_places(new: Sequence[StepRecord], old: Sequence[StepRecord]) -> list[int]:
    """The places in `new` at which another record stands than in `old`, or none did."""
    # Most are the very same object: compared so, thousands of steps take microseconds.
    others = compress(range(len(new)), map(is_not, new, old))
    return [place for place in others if new[place] != old[place]] + list(range(len(old), len(new)))


class Observer(Protocol):
    """Is told what happens while an execution runs; called from several threads."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        """The execution or one of its steps changed."""

    def log_line(self, step: str, line: str) -> None:
        """A job of `step` wrote `line` (without its newline) to its log."""
