"""What an analysis holds: plain values. Accuracies, differences and gaps are fractions (0.01 is one point)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.analysis.case_study import Split

Measure = Literal["test_accuracy", "train_validation_gap", "validation_test_gap"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval. `method` is the key of what computed it in pipeline/analysis/methods.py."""

    value: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of one training on one split: `correct` of `images`, with a Wilson interval."""

    id: str
    name: str
    seed: int
    split: Split
    correct: int
    images: int
    interval: Interval


@dataclass(frozen=True)
class CandidateSummary:
    """One candidate over its seeds. `representative` is the training with the highest validation accuracy.

    `mean_accuracy` and `mean_gap` hold t-intervals over seeds; with one seed there is no interval, and they are
    empty. Gaps are keyed `train_validation` and `validation_test`.
    """

    name: str
    seeds: tuple[int, ...]
    representative: str
    params: int
    forward_flops: int | None
    train_seconds: float
    images_per_second: float
    mean_accuracy: dict[Split, Interval]
    mean_gap: dict[str, Interval]


@dataclass(frozen=True)
class ImageComparison:
    """Two models on the same test images: exact McNemar. `first` minus `second`; ids say which trainings.

    `first_only` images are right in the first model alone, `second_only` in the second alone. `p_holm` is corrected
    for all comparisons of this kind in the analysis.
    """

    first: str
    second: str
    first_id: str
    second_id: str
    images: int
    both_right: int
    first_only: int
    second_only: int
    both_wrong: int
    difference: float
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class SeedComparison:
    """Two candidates over the seeds that both have: `first` minus `second`, paired by seed.

    `family` is `primary` or `secondary` for comparisons that pipeline/analysis/hypotheses.py declares, None for the
    others, which are exploration and have no `p_holm`. `t_interval` and `bootstrap` are at 95 %; the
    `simultaneous_…` ones at the level that holds for the whole family at once (Bonferroni). `bootstrap` is over
    seeds and images. What is None could not be computed, and `note` says why. `images_needed`: so
    many test images would tell the least difference that matters from none (sample_size.py); None for exploration
    and for gaps.
    """

    first: str
    second: str
    measure: Measure
    family: Literal["primary", "secondary"] | None
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    mean: float
    p_value: float | None
    p_holm: float | None
    t_interval: Interval | None
    bootstrap: Interval | None
    simultaneous_t: Interval | None
    simultaneous_bootstrap: Interval | None
    note: str
    images_needed: int | None = None


@dataclass(frozen=True)
class ReliabilityBin:
    """Images whose highest probability lies in (low, high]: how many, their mean confidence, their accuracy.

    An empty bin has None for both.
    """

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class CalibrationFigures:
    """How well probabilities match frequencies on test. NLL is in nats; Brier is 0..2, summed over classes."""

    ece_equal_width: float
    ece_equal_mass: float
    nll: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class Calibration:
    """One training's calibration on test, as it is and with one temperature fitted on validation."""

    id: str
    name: str
    seed: int
    temperature: float
    plain: CalibrationFigures
    calibrated: CalibrationFigures


@dataclass(frozen=True)
class ClassFigures:
    """One class of one training on test. Recall is over its `support` images, precision over `predicted` ones.

    An interval is None where there is nothing to divide by.
    """

    id: str
    name: str
    class_name: str
    support: int
    predicted: int
    recall: Interval | None
    precision: Interval | None
    f1: Interval | None


@dataclass(frozen=True)
class Gap:
    """How much lower the accuracy of one training is on `second` than on `first`, images being independent."""

    id: str
    name: str
    seed: int
    first: Split
    second: Split
    interval: Interval


@dataclass(frozen=True)
class CostRatio:
    """What `name` costs in multiples of `reference`. Parameters and FLOPs are counted, exact.

    Seconds and images per second are geometric means over common seeds, measured on machines that may have had
    other work to do; `…_interval` is a t-interval of the logarithms, None with fewer than two seeds.
    """

    name: str
    reference: str
    params: float
    forward_flops: float | None
    train_seconds: float
    train_seconds_interval: Interval | None
    images_per_second: float
    images_per_second_interval: Interval | None


@dataclass(frozen=True)
class Method:
    """A statistic: what it is called, the function that computes it, where it is published."""

    key: str
    name: str
    computed_by: str
    source: str


@dataclass(frozen=True)
class Analysis:
    """Everything that the statistics say about one evaluation. `notes`: what cannot be concluded, and why.

    Tuples that need single images (`image_comparisons`, `calibrations`) are empty without predictions.
    """

    level: float
    seed: int
    has_predictions: bool
    seeds: tuple[int, ...]
    candidates: tuple[CandidateSummary, ...]
    accuracies: tuple[Accuracy, ...]
    image_comparisons: tuple[ImageComparison, ...]
    seed_comparisons: tuple[SeedComparison, ...]
    calibrations: tuple[Calibration, ...]
    classes: tuple[ClassFigures, ...]
    gaps: tuple[Gap, ...]
    costs: tuple[CostRatio, ...]
    notes: tuple[str, ...]
    methods: tuple[Method, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values that json.dumps takes; no NaN or infinity is among them."""
        return dataclasses.asdict(self)

    def candidate(self, name: str) -> CandidateSummary | None:
        """The candidate called `name`, None when the run had none."""
        return next((each for each in self.candidates if each.name == name), None)

    def accuracy(self, id: str, split: Split) -> Accuracy | None:
        """The accuracy of the training `id` on `split`."""
        return next((each for each in self.accuracies if (each.id, each.split) == (id, split)), None)

    def seed_comparison(self, first: str, second: str, measure: Measure) -> SeedComparison | None:
        """The comparison of `first` minus `second`, None when the run does not have it in this direction."""
        wanted = (first, second, measure)
        return next(
            (each for each in self.seed_comparisons if (each.first, each.second, each.measure) == wanted),
            None,
        )

    def cost(self, name: str, reference: str) -> CostRatio | None:
        """What `name` costs in multiples of `reference`."""
        return next((each for each in self.costs if (each.name, each.reference) == (name, reference)), None)

    def calibration(self, id: str) -> Calibration | None:
        """The calibration of the training `id`."""
        return next((each for each in self.calibrations if each.id == id), None)
