"""The two-way bootstrap against drawing image by image, exact moments, and how often it holds the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipeline.analysis.two_way_bootstrap import percentiles, resample

Table = np.ndarray[Any, Any]


def made_up(random: np.random.Generator, seeds: int, images: int, shift: float = 0.0) -> Table:
    """Differences -1, 0, 1 of two models: some images favour one model, and some seeds do."""
    of_seed, of_image = random.normal(size=(seeds, 1)), random.normal(size=(1, images))
    noise = random.normal(size=(seeds, images))
    return np.sign(np.trunc(0.3 * of_seed + 0.8 * of_image + noise + shift)).astype(np.int8)


def image_by_image(table: Table, random: np.random.Generator, resamples: int) -> Table:
    seeds, images = table.shape
    drawn = []
    for _ in range(resamples):
        rows, columns = random.integers(0, seeds, seeds), random.integers(0, images, images)
        drawn.append(table[np.ix_(rows, columns)].mean())
    return np.array(drawn)


def exact_variance(table: Table) -> float:
    """Σ x_si x_tj Cov(w_s v_i, w_t v_j) / (SN)², from the multinomial moments E[w_s w_t] = 1 − 1/S + [s = t]."""
    seeds, images = table.shape
    values = table.astype(np.float64)
    total, rows, columns = values.sum(), values.sum(axis=1), values.sum(axis=0)
    second_moment = (
        (1 - 1 / seeds) * (1 - 1 / images) * total**2
        + (1 - 1 / images) * (rows**2).sum()
        + (1 - 1 / seeds) * (columns**2).sum()
        + (values**2).sum()
    )
    return float((second_moment - total**2) / (seeds * images) ** 2)


def test_its_mean_and_variance_are_the_exact_ones() -> None:
    table = made_up(np.random.default_rng(1), 6, 150, shift=0.2)
    drawn = resample([table], seed=0, resamples=40_000)
    assert drawn.mean() == pytest.approx(table.mean(), abs=4 * drawn.std() / 200)
    assert drawn.var() == pytest.approx(exact_variance(table), rel=0.04)


def test_counting_equal_columns_gives_the_distribution_of_drawing_image_by_image() -> None:
    table = made_up(np.random.default_rng(2), 5, 80)
    slow = image_by_image(table, np.random.default_rng(3), 6_000)
    fast = resample([table], seed=4, resamples=6_000)
    from scipy.stats import ks_2samp

    assert ks_2samp(slow + np.random.default_rng(5).uniform(0, 1e-9, 6_000), fast).pvalue > 0.001
    for level in (0.5, 0.95):
        assert percentiles(fast, level) == pytest.approx(percentiles(slow, level), abs=0.25 * slow.std())


def test_several_parts_share_their_seeds_and_draw_their_images_alone() -> None:
    """With one image value for all, only seeds vary, so that a part and its opposite cancel exactly."""
    by_seed = np.repeat(np.array([[-1], [0], [1], [1]], np.int8), 30, axis=1)
    assert np.ptp(resample([by_seed, -by_seed], seed=0, resamples=500)) < 1e-12
    by_image = np.repeat(np.arange(30)[None] % 3 - 1, 4, axis=0).astype(np.int8)
    one, both = (
        resample(parts, seed=0, resamples=4_000).var() for parts in ([by_image], [by_image, -by_image])
    )
    assert both == pytest.approx(2 * one, rel=0.1)


def test_the_order_of_the_images_does_not_matter_and_the_seed_does() -> None:
    table = made_up(np.random.default_rng(6), 4, 60)
    shuffled = table[:, np.random.default_rng(7).permutation(60)]
    assert (resample([table], seed=0, resamples=200) == resample([shuffled], seed=0, resamples=200)).all()
    assert (resample([table], seed=0, resamples=200) != resample([table], seed=1, resamples=200)).any()


def test_its_95_percent_interval_holds_the_truth_about_95_times_in_100() -> None:
    """Eight seeds, 150 images, 400 times. It errs to the long side for images, to the short one for few seeds."""
    random = np.random.default_rng(8)
    truth = np.mean([made_up(random, 8, 150, shift=0.3).mean() for _ in range(4_000)])
    held = 0
    for number in range(400):
        low, high = percentiles(
            resample([made_up(random, 8, 150, shift=0.3)], seed=number, resamples=400), 0.95
        )
        held += low <= truth <= high
    assert 0.91 <= held / 400 <= 0.99
