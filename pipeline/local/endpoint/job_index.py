"""The jobs of executions, by kind and name: those of steps, and those that were asked for by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.execution import StepRecord
from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.execution import Execution
from pipeline.local.endpoint.names import ARN
from pipeline.local.jobs.runner import SINGLE_JOB, name_job


@dataclass(frozen=True)
class Kind:
    """A kind of job: the type of its steps, the word in its ARN, how the API's names begin, its log group."""

    step_type: str
    word: str
    api: str
    group: str

    @property
    def create(self) -> str:
        """The operation that makes one."""
        return f"Create{self.api}"


TRAINING = Kind("Training", "training-job", "TrainingJob", "/aws/sagemaker/TrainingJobs")
PROCESSING = Kind("Processing", "processing-job", "ProcessingJob", "/aws/sagemaker/ProcessingJobs")
TRANSFORM = Kind("Transform", "transform-job", "TransformJob", "/aws/sagemaker/TransformJobs")
TUNING = Kind(
    "Tuning", "hyper-parameter-tuning-job", "HyperParameterTuningJob", "/aws/sagemaker/TrainingJobs"
)
KINDS = (TRAINING, PROCESSING, TRANSFORM, TUNING)


@dataclass(frozen=True)
class FoundJob:
    """A job of an execution: attempt number `attempt` of `step`."""

    kind: Kind
    name: str
    execution: Execution
    step: StepRecord
    attempt: int

    @property
    def is_last(self) -> bool:
        """Whether no later attempt was made."""
        return self.attempt >= self.step.attempts

    @property
    def arn(self) -> str:
        """Its ARN."""
        return f"{ARN}:{self.kind.word}/{self.name}"

    @property
    def is_alone(self) -> bool:
        """Whether it was asked for by itself, in no pipeline."""
        return str(self.execution.asked["id"]).startswith(SINGLE_JOB)


class JobIndex:
    """Finds jobs among the executions that the server has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, kind: Kind, name: str) -> FoundJob | None:
        """The job with this name, None when there is none."""
        for execution in self._executions(kind, name):
            for job in jobs_of(execution, kind):
                if job.name == name:
                    return job
        return None

    def all(self, kind: Kind) -> list[FoundJob]:
        """Every job of a kind, oldest first."""
        return [job for execution in self._engine.all() for job in jobs_of(execution, kind)]

    def _executions(self, kind: Kind, name: str) -> Iterator[Execution]:
        """Those that may have a job of this name: a pipeline's jobs have the id of their execution in theirs."""
        words = name.split("-")
        ids = [single_id(kind, name)]
        if len(words) > 2 and words[0] == "pipelines":
            ids.append(words[1])
        for each in ids:
            if (execution := self._engine.find(each)) is not None:
                yield execution


def single_id(kind: Kind, name: str) -> str:
    """The id of the execution that is the job of this name by itself."""
    return f"{SINGLE_JOB}{kind.step_type.lower()}-{name}"


def jobs_of(execution: Execution, kind: Kind) -> Iterator[FoundJob]:
    """The jobs of a kind that an execution has made, a job for each attempt of a step; not those that it reused."""
    record = execution.known
    least = int(
        record.execution_id.startswith(SINGLE_JOB)
    )  # It is there from the moment that it was asked for.
    for step in record.steps:
        if step.type == kind.step_type and not step.cached:
            for attempt in range(1, max(step.attempts, least) + 1):
                name = name_job(record.execution_id, step.name, attempt)
                yield FoundJob(kind, name, execution, step, attempt)
