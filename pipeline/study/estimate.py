"""The expected time of a study, from the pace of each candidate. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.formatting import count, duration, plural
from pipeline.study.pace import Pace
from pipeline.study.trainings import Training

# What Evaluate scores each model on: 10,000 training, 5,000 validation and 10,000 test images.
SCORED_IMAGES = 25_000
FORWARD_SHARE = 1 / 3  # of a training step's work; the gradients are about two thirds


@dataclass(frozen=True)
class Estimate:
    """What a study will take. `left` are the trainings that no earlier execution has done."""

    seconds: float
    trainings: int
    left: int
    parallel: int
    epochs: int
    paces: Mapping[str, Pace]

    def lines(self) -> list[str]:
        """What the user is told, the time first."""
        done = self.trainings - self.left
        lines = [
            f"Expected time: about {duration(self.seconds)} for {plural(self.left, 'training')} "
            f"(epochs: {self.epochs}), {self.parallel} at once, and the evaluation."
            if self.left
            else "Expected time: a minute. Every training is done already; the evaluation may be, too."
        ]
        if done and self.left:
            lines.append(f"{done} of {self.trainings} trainings are done already and will be reused.")
        if self.left:
            lines.append(f"Estimated from each model's pace, with {self.parallel} trainings at once:")
            width = max(map(len, self.paces))
            lines += [
                f"  {name:<{width}}  {count(pace.images_per_second):>7} images/s, {pace.overhead:.0f} s to start "
                f"and save ({pace.source})"
                for name, pace in self.paces.items()
            ]
        return lines


def estimate(
    trainings: Sequence[Training],
    done: frozenset[str],
    paces: Mapping[str, Pace],
    images: int,
    parallel: int,
) -> Estimate:
    """The estimate for `trainings`, in the order in which they start; `done` names the steps that will be reused.

    `images` are shown in an epoch; `paces` has every candidate of a training that is not done.
    """
    left = [each for each in trainings if each.step not in done]
    training = makespan([paces[each.candidate].seconds(each.epochs, images) for each in left], parallel)
    scoring = sum(
        SCORED_IMAGES * FORWARD_SHARE / paces[each.candidate].images_per_second / parallel
        for each in trainings
        if each.candidate in paces
    )
    return Estimate(
        seconds=training + scoring,
        trainings=len(trainings),
        left=len(left),
        parallel=parallel,
        epochs=max((each.epochs for each in trainings), default=0),
        paces={name: paces[name] for name in dict.fromkeys(each.candidate for each in left)},
    )


def makespan(jobs: Sequence[float], parallel: int) -> float:
    """Seconds until all `jobs` (seconds each) have ended when `parallel` run at once, started in their order."""
    ends = [0.0] * parallel
    for seconds in jobs:
        heapq.heapreplace(ends, ends[0] + seconds)
    return max(ends)
