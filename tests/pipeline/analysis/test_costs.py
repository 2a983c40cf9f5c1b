"""Ratios of costs, worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pipeline.analysis.costs import cost_ratios
from pipeline.analysis.inputs import read_inputs

Make = Callable[..., Any]


def ratios(run: Any) -> dict[tuple[str, str], Any]:
    return {
        (each.name, each.reference): each for each in cost_ratios(read_inputs(run.evaluation, None), 0.95)
    }


def test_counts_are_exact_and_times_are_geometric_means_of_ratios_paired_by_seed(make_run: Make) -> None:
    run = make_run()
    seconds = {"cnn-3x3": [10.0, 20.0, 40.0], "cnn-5x5": [20.0, 30.0, 160.0]}
    for each in run.evaluation["candidates"]:
        each["train_seconds"] = seconds.get(each["name"], [1.0] * 3)[each["seed"]]
    found = ratios(run)["cnn-5x5", "cnn-3x3"]
    assert (found.params, found.forward_flops) == (1.3, 1.3)
    assert found.train_seconds == pytest.approx((2 * 1.5 * 4) ** (1 / 3))
    logs = np.log([2, 1.5, 4])
    half = 4.302653 * logs.std(ddof=1) / 3**0.5  # the 97.5 % quantile of t with 2 degrees of freedom
    assert found.train_seconds_interval is not None
    assert (found.train_seconds_interval.low, found.train_seconds_interval.high) == pytest.approx(
        (np.exp(logs.mean() - half), np.exp(logs.mean() + half)), rel=1e-5
    )


def test_turning_a_ratio_round_inverts_it(make_run: Make) -> None:
    found = ratios(make_run())
    for (name, reference), each in found.items():
        other = found[reference, name]
        for field in ("params", "forward_flops", "train_seconds", "images_per_second"):
            assert getattr(each, field) * getattr(other, field) == pytest.approx(1)


def test_one_seed_gives_a_ratio_and_no_interval(make_run: Make) -> None:
    found = ratios(make_run(seeds=1))["cnn-5x5", "cnn-3x3"]
    assert found.train_seconds > 1
    assert (found.train_seconds_interval, found.images_per_second_interval) == (None, None)
