"""The jobs that an execution runs, known before anything is compiled: for quotas and costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.definition.parameters import PARAMETERS, Value
from pipeline.definition.search_space import AT_ONCE
from pipeline.definition.settings import Settings

MONITOR_STEP = "Monitor"
Kind = Literal["Training", "Processing", "Hosting"]


@dataclass(frozen=True)
class Job:
    """A step's job: on `instances` of `instance_type`, for `max_seconds` at most.

    `kept_seconds`: how long its instances are paid for after its end, in a warm pool. A search runs `count` such
    jobs, `at_once` of them at the same time; 0 where as many others follow it. It runs on one of `others` instead
    where no instance of its type is free.
    """

    step: str
    kind: Kind
    instance_type: str
    instances: int
    max_seconds: int
    spot: bool = False
    kept_seconds: int = 0
    count: int = 1
    at_once: int = 1
    others: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Each type of instances that it may run on, the preferred one first."""
        return (self.instance_type, *self.others)


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

    preferred = settings.instance_preferences or (types["TrainingInstanceType"],)

    def training(step: str) -> Job:
        return Job(
            step,
            "Training",
            preferred[0],
            settings.training_instance_count,
            settings.training_max_runtime_seconds,
            settings.spot,
            settings.warm_pool_seconds,
            others=preferred[1:],
        )

    if settings.kind == "monitor":
        return (processing(MONITOR_STEP),)
    # Trainings that follow a search are as many as its trials at least, and run when those have ended.
    trials_at_once = min(AT_ONCE, settings.tune) if len(settings.seeds) == 1 else 0
    searches = [
        replace(training(f"Tune-{candidate}"), count=settings.tune, at_once=trials_at_once)
        for candidate in (settings.candidates if settings.tune else ())
    ]
    trainings = [
        training(f"Train-{candidate}-{seed}")
        for candidate, seed in settings.trainings()
        if not searches or len(settings.seeds) > 1
    ]
    jobs = (processing("NormalizeData"), *searches, *trainings, processing("Evaluate"))
    return tuple(job for job in jobs if not only or job.step in only)
