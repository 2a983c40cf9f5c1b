"""How often the monitor raises a false alarm, and how many images it takes to find what has changed; run by hand.

    make bench-drift [ARGS="--model V --samples 1000"]

On the real test images, answered by the newest registered model of the state folder, whose own baseline it is
compared with. Prints the tables of docs/monitoring.md. Samples are drawn without repeating an image.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "processing")]

from drift_baseline import Baseline, class_counts, parse_baseline  # noqa: E402
from drift_measures import Measures, measure  # noqa: E402
from drift_verdict import judge  # noqa: E402
from idx import read_idx  # noqa: E402

Pixels = npt.NDArray[np.uint8]
JUDGED = 500  # images of a sample for the rate of false alarms
SIZES = (50, 75, 100, 150, 200, 300, 500)
REPEATS, POWER = 100, 0.95  # so many samples of a size, and the share of them that must be found


def inverted(pixels: Pixels) -> Pixels:
    """White where black was."""
    return 255 - pixels


def darkened(pixels: Pixels) -> Pixels:
    """At half the brightness."""
    return pixels // 2


def shifted(pixels: Pixels) -> Pixels:
    """Moved four pixels to the right."""
    moved = np.zeros_like(pixels)
    moved[:, :, 4:] = pixels[:, :, :-4]
    return moved


def noisy(pixels: Pixels) -> Pixels:
    """With normal noise of standard deviation 25."""
    noise = np.random.default_rng(0).normal(0, 25, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def digits(pixels: Pixels) -> Pixels:
    """Other images altogether: scikit-learn's 1,797 handwritten digits of 8×8 pixels, three times as large."""
    from sklearn.datasets import load_digits

    found = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    return np.pad(found.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "inverted": inverted,
    "half as bright": darkened,
    "shifted by 4 pixels": shifted,
    "with noise (standard deviation 25)": noisy,
    "handwritten digits (scikit-learn)": digits,
}


class Pool:
    """Images, their measures and the classes that were answered, to draw samples from."""

    def __init__(self, pixels: Pixels, classify: Callable[[Pixels], npt.NDArray[np.float32]]) -> None:
        answers = np.concatenate([classify(pixels[at : at + 1000]) for at in range(0, len(pixels), 1000)])
        self.measures = measure(pixels, answers)
        self.classes = answers.argmax(axis=1)
        self.weights = np.ones(len(pixels))

    def sample(self, count: int, rng: np.random.Generator) -> tuple[Measures, npt.NDArray[np.int64]]:
        """The measures of `count` different images, and how many have each class."""
        rows = rng.choice(len(self.classes), count, replace=False, p=self.weights / self.weights.sum())
        counts = class_counts(np.eye(10)[self.classes[rows]])
        return {name: values[rows] for name, values in self.measures.items()}, counts


def alarms(baseline: Baseline, pool: Pool, count: int, samples: int) -> int:
    """How many of so many samples of `count` images raise an alarm."""
    rngs = (np.random.default_rng(seed) for seed in range(samples))
    return sum(judge(baseline, *pool.sample(count, rng)).verdict == "drift" for rng in rngs)


def smallest(baseline: Baseline, pool: Pool) -> int | None:
    """The smallest of SIZES at which nearly every sample is found; None: none of them."""
    for size in SIZES:
        if alarms(baseline, pool, size, REPEATS) >= POWER * REPEATS:
            return size
    return None


def changed(
    pixels: Pixels, labels: npt.NDArray[np.uint8], classify: Callable[[Pixels], npt.NDArray[np.float32]]
) -> Iterator[tuple[str, Pool]]:
    """What is to be found, by its name."""
    for name, change in CHANGES.items():
        yield name, Pool(change(pixels), classify)
    tripled = Pool(pixels, classify)
    tripled.weights[labels == 8] = 3.0  # of all classes a tenth of the images
    yield "three times as many bags", tripled


def main(argv: list[str]) -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=int, metavar="V", help="registered version (default: the newest)")
    parser.add_argument("--samples", type=int, default=1000, metavar="N", help="for the rate of false alarms")
    args = parser.parse_args(argv)

    from pipeline.console import say
    from pipeline.dataset.choice import find_dataset
    from pipeline.definition.settings import PROJECT
    from pipeline.inference.predicting.choice import loaded_model
    from pipeline.inference.predicting.models import LocalModels
    from pipeline.inference.predicting.saved_model import classify
    from pipeline.local.state.objects import Objects
    from pipeline.local.state.state_dir import home_from
    from pipeline.local.state.store import Store

    home = home_from(os.environ)
    folder = find_dataset(None, home.root / "data")
    with Store(home) as store:
        loaded = loaded_model(LocalModels(home, store, PROJECT), args.model, home, say)
        uri = loaded.package.baseline
        if uri is None:
            raise SystemExit(f"{loaded.name} has no baseline. Run: make pipeline-run")
        objects = Objects(home, store)
        (stored,) = objects.under(uri)
        baseline = parse_baseline(objects.path(stored).read_bytes(), uri)
    pixels, labels = (
        read_idx(next(folder.glob(f"t10k-{each}*")), dimensions).values
        for each, dimensions in (("images", 3), ("labels", 1))
    )

    def answer(some: Pixels) -> npt.NDArray[np.float32]:
        return classify(loaded.saved_model, some, 10, loaded.name)

    print(f"{loaded.name}, {baseline.count} images in its baseline")
    false = alarms(baseline, Pool(pixels, answer), JUDGED, args.samples)
    print(f"False alarms in {args.samples} samples of {JUDGED} test images: {false}\n")
    print(
        f"| changed | smallest sample that is found | found of {REPEATS} with {JUDGED} images |\n|---|---|---|"
    )
    for name, pool in changed(pixels, labels, answer):
        found = alarms(baseline, pool, JUDGED, REPEATS)
        print(f"| {name} | {smallest(baseline, pool) or 'none'} | {found} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
