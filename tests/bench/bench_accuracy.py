"""Part `accuracy` of `make bench`: seconds of training until a test accuracy is reached, beside plain `model.fit`.

train.py's learning rate falls to zero over the epochs that it is told, so its accuracy half-way says little. It is
run anew for each number of epochs, and its time to an accuracy is that of the shortest training that ends at it or
above. Plain fit has a constant rate: it is measured after each epoch. On both sides only training counts, not the
measuring. Test accuracy decides nothing here but when the clock stops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.console import say
from trained import plain_fit, train


@dataclass(frozen=True)
class Reached:
    """After `seconds` of training, `epochs` epochs of it, the test accuracy was `accuracy`."""

    epochs: int
    seconds: float
    accuracy: float


@dataclass(frozen=True)
class Race:
    """What both sides reached; an entry a training for train.py, an entry an epoch for plain fit."""

    candidate: str
    targets: tuple[float, ...]
    ours: tuple[Reached, ...]
    plain: tuple[Reached, ...]


def first(reached: Sequence[Reached], target: float) -> Reached | None:
    """The quickest that ended at `target` or above, None if none did."""
    return min(
        (each for each in reached if each.accuracy >= target), key=lambda each: each.seconds, default=None
    )


def measure_race(
    candidate: str,
    processed: Path,
    data: Path,
    threads: int | None,
    targets: Sequence[float],
    schedules: Sequence[int],
    plain_epochs: int,
    more: Mapping[str, str],
) -> Race:
    """Train until the highest target is reached: train.py in `schedules` (epochs), plain fit up to `plain_epochs`.

    `data`: the IDX files. `more`: further flags of train.py.
    """
    highest = max(targets)
    ours: list[Reached] = []
    for epochs in schedules:
        say(f"accuracy: {candidate}, train.py, {epochs} epochs …")
        one = train(candidate, processed, threads, {**more, "epochs": str(epochs)}, data)
        ours.append(Reached(epochs, one.train_seconds, one.accuracies[0]))
        if ours[-1].accuracy >= highest:
            break
    plain: list[Reached] = []
    if plain_epochs:
        say(f"accuracy: {candidate}, plain fit, up to {plain_epochs} epochs …")
        fitted = plain_fit(candidate, processed, threads, plain_epochs, until=highest)
        for number, accuracy in enumerate(fitted.accuracies, start=1):
            plain.append(Reached(number, sum(fitted.epoch_seconds[:number]), accuracy))
    return Race(candidate, tuple(targets), tuple(ours), tuple(plain))


def race_table(races: Sequence[Race]) -> str:
    """The races as text: a line for each candidate and target, then what was reached when."""
    lines = [f"{'test accuracy':24} {'train.py':>20} {'plain fit':>20} {'ratio':>6}"]
    for race in races:
        for target in race.targets:
            ours, plain = first(race.ours, target), first(race.plain, target)
            ratio = f"{ours.seconds / plain.seconds:6.2f}" if ours and plain else f"{'–':>6}"
            lines.append(f"{race.candidate:16} {target:7.1%} {_cell(ours):>20} {_cell(plain):>20} {ratio}")
    for race in races:
        for name, reached in (("train.py", race.ours), ("plain fit", race.plain)):
            told = ", ".join(f"{one.accuracy:.2%} ({one.epochs}: {one.seconds:.0f} s)" for one in reached)
            lines.append(f"{race.candidate}, {name}, by epochs: {told or 'not run'}")
    lines.append(
        "Seconds of training alone. train.py: of the shortest schedule that ends at the accuracy or above (each "
        "was trained from the start); plain fit: measured after each epoch of one training."
    )
    return "\n".join(lines)


def _cell(reached: Reached | None) -> str:
    return "not reached" if reached is None else f"{reached.seconds:.1f} s, {reached.epochs} epochs"


def race_json(races: Sequence[Race]) -> list[dict[str, object]]:
    """The races as JSON values, with the seconds to each target."""
    return [
        asdict(race)
        | {
            "seconds": [
                {
                    "target": target,
                    "train.py": None if (ours := first(race.ours, target)) is None else ours.seconds,
                    "plain": None if (plain := first(race.plain, target)) is None else plain.seconds,
                }
                for target in race.targets
            ]
        }
        for race in races
    ]
