"""The jobs that an execution runs, known before anything is compiled: for quotas and costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.parameters import PARAMETERS, Value
from pipeline.settings import Settings

Kind = Literal["Training", "Processing", "Hosting"]


@dataclass(frozen=True)
class Job:
    """A step's job: on `instances` of `instance_type`, for `max_seconds` at most.

    `kept_seconds`: how long its instances are paid for after its end, in a warm pool.
    """

    step: str
    kind: Kind
    instance_type: str
    instances: int
    max_seconds: int
    spot: bool = False
    kept_seconds: int = 0


def plan_jobs(settings: Settings, values: Mapping[str, Value], only: Collection[str] = ()) -> tuple[Job, ...]:
    """The jobs of an execution with these parameter values; of the steps named in `only`, if there are any."""
    defaults = {parameter.name: parameter.default for parameter in PARAMETERS}
    types = {
        name: str(values.get(name, defaults[name]))
        for name in ("ProcessingInstanceType", "TrainingInstanceType")
    }

    def processing(step: str) -> Job:
        return Job(
            step,
            "Processing",
            types["ProcessingInstanceType"],
            1,
            settings.processing_max_runtime_seconds,
        )

    trainings = [
        Job(
            f"Train-{candidate}-{seed}",
            "Training",
            types["TrainingInstanceType"],
            settings.training_instance_count,
            settings.training_max_runtime_seconds,
            settings.spot,
            settings.warm_pool_seconds,
        )
        for seed in settings.seeds
        for candidate in settings.candidates
    ]
    jobs = (processing("NormalizeData"), *trainings, processing("Evaluate"))
    return tuple(job for job in jobs if not only or job.step in only)
