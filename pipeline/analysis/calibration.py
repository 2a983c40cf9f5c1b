"""How far a model's probabilities can be taken at their word: calibration error, NLL, Brier score, temperature.

Sources: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017 (expected calibration error,
temperature scaling); K. Nguyen and B. O'Connor, EMNLP 2015 (bins of equal mass); G. Brier, 1950.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.analysis.inputs import Inputs, Training
from pipeline.analysis.results import Calibration, CalibrationFigures, ReliabilityBin

BINS = 15
LEAST_PROBABILITY = 1e-7  # as in Evaluate's loss: a confident mistake costs at most 16.1 nats
TEMPERATURES = (0.05, 20.0)

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def calibrations(inputs: Inputs) -> tuple[Calibration, ...]:
    """Every training's calibration on test; its temperature is fitted on validation."""
    return tuple(_calibrate(each, inputs) for each in inputs.trainings)


def _calibrate(training: Training, inputs: Inputs) -> Calibration:
    temperature = fit_temperature(training.probabilities["validation"], inputs.labels["validation"])
    labels, plain = inputs.labels["test"], training.probabilities["test"]
    return Calibration(
        training.id,
        training.name,
        training.seed,
        temperature,
        figures(plain, labels),
        figures(with_temperature(plain, temperature), labels),
    )


def figures(probabilities: Floats, labels: Labels) -> CalibrationFigures:
    """All figures of `probabilities` (N × C, rows sum to 1) against `labels` (N)."""
    from sklearn.metrics import brier_score_loss, log_loss

    classes = np.arange(probabilities.shape[1])
    bounded = np.maximum(probabilities, LEAST_PROBABILITY)
    bounded /= bounded.sum(axis=1, keepdims=True)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return CalibrationFigures(
        ece_equal_width=calibration_error(confidence, correct, np.linspace(0, 1, BINS + 1)),
        ece_equal_mass=calibration_error(confidence, correct, equal_mass_edges(confidence)),
        nll=float(log_loss(labels, bounded, labels=classes)),
        brier=float(brier_score_loss(labels, probabilities, labels=classes, scale_by_half=False)),
        bins=reliability_bins(confidence, correct, np.linspace(0, 1, BINS + 1)),
    )


def equal_mass_edges(confidence: Floats) -> Floats:
    """The edges of 15 bins with as nearly equal numbers of images as ties allow: ties share a bin."""
    inner = np.quantile(confidence, np.arange(1, BINS) / BINS)
    return np.concatenate([[0.0], inner, [1.0]])


def calibration_error(confidence: Floats, correct: npt.NDArray[np.bool_], edges: Floats) -> float:
    """Σ over bins of (share of images) · |accuracy − mean confidence|, 0..1."""
    counts, confidences, hits = _sums(confidence, correct, edges)
    return float(np.abs(hits - confidences).sum() / counts.sum())


def reliability_bins(
    confidence: Floats, correct: npt.NDArray[np.bool_], edges: Floats
) -> tuple[ReliabilityBin, ...]:
    """What a reliability diagram draws, a bin each."""
    counts, confidences, hits = _sums(confidence, correct, edges)
    return tuple(
        ReliabilityBin(
            float(edges[place]),
            float(edges[place + 1]),
            int(count),
            float(confidences[place] / count) if count else None,
            float(hits[place] / count) if count else None,
        )
        for place, count in enumerate(counts)
    )


def _sums(confidence: Floats, correct: npt.NDArray[np.bool_], edges: Floats) -> tuple[Floats, Floats, Floats]:
    places = np.searchsorted(edges[1:-1], confidence, side="left")  # bins are (low, high]
    size = len(edges) - 1
    counts = np.bincount(places, minlength=size).astype(np.float64)
    confidences = np.bincount(places, weights=confidence, minlength=size).astype(np.float64)
    hits = np.bincount(places, weights=correct, minlength=size).astype(np.float64)
    return counts, confidences, hits


def with_temperature(probabilities: Floats, temperature: float) -> Floats:
    """The softmax of the logits divided by `temperature`: above 1 less sure, below 1 surer; the class stays.

    Logits are probabilities' logarithms but for a constant a row, which softmax ignores.
    """
    scaled = _logs(probabilities) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    powers: Floats = np.exp(scaled)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def fit_temperature(probabilities: Floats, labels: Labels) -> float:
    """The temperature, 0.05 to 20, that minimizes the mean negative log-likelihood of `labels`."""
    from scipy.optimize import minimize_scalar

    logs = _logs(probabilities)
    of_truth = logs[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        # Convex in 1/temperature, so that it has one minimum.
        sharpness = np.exp(-log_temperature)
        normalizer = np.log(np.exp(logs * sharpness).sum(axis=1))
        return float((normalizer - of_truth * sharpness).mean())

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _logs(probabilities: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    logs -= logs.max(axis=1, keepdims=True)
    return logs
