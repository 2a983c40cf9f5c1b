"""How many images settle a difference: by hand, and by studies that are made up."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.analysis.sample_size import images_needed

Z = 1.9599640 + 0.8416212  # of 0.975 and of 0.8


def made_up(
    random: np.random.Generator, seeds: int, images: int, shift: float, seed_spread: float
) -> npt.NDArray[np.int8]:
    """Where one model alone is right: a tenth of the images is open, `shift` the mean difference there."""
    open_images = random.random(images) < 0.1
    lean = random.normal(shift, 0.3, images)
    chance = (lean + random.normal(0, seed_spread, (seeds, 1))).clip(-1, 1)
    drawn = random.random((seeds, images)) < np.abs(chance)
    values: npt.NDArray[np.int8] = (open_images * drawn * np.sign(chance)).astype(np.int8)
    return values


def test_images_that_all_seeds_see_alike_need_what_a_paired_test_needs() -> None:
    row = np.zeros(1000, np.int8)
    row[:30], row[30:50] = 1, -1
    needed = (Z * row.std(ddof=1) / 0.01) ** 2
    assert images_needed(np.stack([row] * 4), 0.01) == pytest.approx(needed, abs=1)


def test_seeds_that_err_independently_share_the_work() -> None:
    """No image favours a model and no seed does: the images needed fall as seeds are added."""
    random = np.random.default_rng(0)
    values = random.choice(np.array([-1, 0, 1], np.int8), (16, 4000), p=[0.05, 0.9, 0.05])
    needed = {seeds: images_needed(values[:seeds], 0.01) for seeds in (4, 16)}
    assert needed[4] == pytest.approx((Z * math.sqrt(0.1 / 4) / 0.01) ** 2, rel=0.1)
    assert needed[16] == pytest.approx((Z * math.sqrt(0.1 / 16) / 0.01) ** 2, rel=0.1)


def test_so_many_images_find_the_difference_four_times_in_five() -> None:
    random = np.random.default_rng(1)
    seeds, effect = 8, 0.01
    needed = images_needed(made_up(random, seeds, 20_000, 0.1, 0.02), effect)
    assert needed is not None
    means = [made_up(random, seeds, needed, 0.1, 0.02).mean() for _ in range(400)]
    error = np.std(means)
    found = np.mean(np.abs(means - np.mean(means) + effect) > 1.9599640 * error)
    assert found == pytest.approx(0.8, abs=0.06)


def test_seeds_that_differ_too_much_are_not_made_up_for_by_images() -> None:
    values = made_up(np.random.default_rng(2), 3, 20_000, 0.1, 0.5)
    assert images_needed(values, 0.002) is None


def test_models_that_no_image_tells_apart_need_no_number() -> None:
    assert images_needed(np.zeros((3, 50), np.int8), 0.002) is None
