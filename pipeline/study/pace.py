"""How fast a candidate trains on this machine, read from earlier executions. pace_measurement.py measures it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.study.trainings import Training, trainings_done


@dataclass(frozen=True)
class Pace:
    """`images_per_second` of one training among as many others as there will be; `overhead` are the seconds that a
    job takes beside showing images (starting, writing the model); `source` says where this was measured."""

    images_per_second: float
    overhead: float
    source: str

    def seconds(self, epochs: int, images: int) -> float:
        """Seconds of a training of `epochs` passes over `images`."""
        return self.overhead + epochs * images / self.images_per_second


def earlier_pace(
    training: Training, records: Iterable[ExecutionRecord], parallel: int, images: int
) -> Pace | None:
    """The pace of trainings like this one in earlier executions (newest first) with as many jobs at once, if any.

    Those of the newest execution that has one are taken. `images`: as in Pace.seconds.
    """
    for record in records:
        if record.parallel != parallel:
            continue
        found = [
            (rate, max(0.0, step.seconds - done.epochs * images / rate))
            for _, step, done in trainings_done([record])
            if not step.cached
            and step.seconds is not None
            and done.is_as_fast_as(training)
            and (rate := _images_per_second(step)) is not None
        ]
        if found:
            source = f"{len(found)} training{'s' * (len(found) > 1)} of execution {record.execution_id}"
            rates, overheads = zip(*found, strict=True)
            return Pace(statistics.median(rates), statistics.median(overheads), source)
    return None


def _images_per_second(step: StepRecord) -> float | None:
    """What the training's last epoch printed."""
    for metric in step.properties.get("FinalMetricDataList") or ():
        if metric["MetricName"] == "images_per_second" and metric["Value"] > 0:
            return float(metric["Value"])
    return None
