from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from augmentation import ERASED_AREA, ERASED_RATIO, SHIFT, augment, draw
from training_data import grey_levels

MEAN, STD = 0.286, 0.353
COUNT = 400


Pixels = npt.NDArray[np.uint8]
Images = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    """Noise without black, whose normalized values are not 0."""
    return np.random.default_rng(0).integers(1, 256, (COUNT, 28, 28, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def images(pixels: Pixels) -> Images:
    return grey_levels(MEAN, STD)[pixels]


def changed_images(pixels: Pixels, numbers: Any, augmentation: str) -> Images:
    return np.asarray(augment(pixels, numbers, augmentation, MEAN, STD))


def draws(step: int = 0, seed: int = 0, count: int = COUNT) -> Any:
    return draw(tf.constant(seed, tf.int64), tf.constant(step, tf.int64), tf.constant(count))


def test_random_numbers_follow_from_seed_and_step_alone() -> None:
    assert (draws(3, 1).numpy() == draws(3, 1).numpy()).all()
    assert not (draws(3, 1).numpy() == draws(4, 1).numpy()).any(axis=0).all()
    assert not (draws(3, 1).numpy() == draws(3, 2).numpy()).any(axis=0).all()
    assert 0 <= draws().numpy().min() < draws().numpy().max() < 1


def test_random_numbers_of_large_seeds_differ() -> None:
    assert not (draws(0, 2**32 - 1).numpy() == draws(0, 0).numpy()).any(axis=0).all()


@pytest.mark.parametrize(("mean", "std"), [(MEAN, STD), (0.28604, 0.35302), (0.1307, 0.3081), (1 / 3, 1e-3)])
def test_none_gives_the_images_as_they_are_stored_to_the_bit(mean: float, std: float) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)

    @tf.function  # type: ignore[untyped-decorator]
    def within_a_step(shown: Any) -> Any:
        return augment(shown, draws(count=1), "none", mean, std)

    assert within_a_step(tf.constant(every)).numpy().tobytes() == grey_levels(mean, std)[every].tobytes()


def test_flip_mirrors_half_of_them(pixels: Pixels, images: Images) -> None:
    changed = changed_images(pixels, draws(), "flip")
    mirrored = (changed == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (changed == images).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_full_moves_within_the_bounds_and_lets_black_in(pixels: Pixels, images: Images) -> None:
    numbers = draws().numpy()
    numbers[:, 0] = 0.9  # not mirrored
    numbers[:, 3] = 0.9  # not erased
    changed = changed_images(pixels, tf.constant(numbers), "full")
    padded = np.pad(
        images, [(0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)], constant_values=grey_levels(MEAN, STD)[0]
    )
    found = set()
    for number in range(COUNT):
        places = [
            (down, right)
            for down in range(2 * SHIFT + 1)
            for right in range(2 * SHIFT + 1)
            if (changed[number] == padded[number, down : down + 28, right : right + 28]).all()
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) == (2 * SHIFT + 1) ** 2


def test_full_erases_one_rectangle_in_half_of_them(pixels: Pixels) -> None:
    numbers = draws().numpy()
    numbers[:, 1:3] = 0.5  # not moved
    changed = changed_images(pixels, tf.constant(numbers), "full")[..., 0]
    erased = changed == 0
    assert 0.4 < erased.any(axis=(1, 2)).mean() < 0.6
    rectangles = []
    for one in erased[erased.any(axis=(1, 2))]:
        rows, columns = one.any(axis=1), one.any(axis=0)
        assert one.sum() == rows.sum() * columns.sum()  # a full rectangle
        rectangles.append((int(rows.sum()), int(columns.sum())))
    shares = [height * width / 28**2 for height, width in rectangles]
    assert min(shares) == pytest.approx(ERASED_AREA[0], abs=0.01)
    assert max(shares) == pytest.approx(ERASED_AREA[1], abs=0.03)
    # Half a pixel of rounding of the smallest rectangles' short side.
    ratios = [height / width for height, width in rectangles if min(height, width) > 5]
    assert 0.85 * ERASED_RATIO < min(ratios) < 0.5
    assert 2 < max(ratios) < 1 / ERASED_RATIO / 0.85


@pytest.mark.parametrize("augmentation", ["flip", "full"])
def test_xla_compiles_it_to_the_same(pixels: Pixels, augmentation: str) -> None:
    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def compiled(shown: Any, numbers: Any) -> Any:
        return augment(shown, numbers, augmentation, MEAN, STD)

    expected = changed_images(pixels, draws(), augmentation)
    np.testing.assert_allclose(compiled(pixels, draws()).numpy(), expected, rtol=1e-6)
