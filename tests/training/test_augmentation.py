from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from augmentation import ERASED_SIDES, SHIFT, augment, draw

BLACK = -0.8
COUNT = 400


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.float32]:
    """Noise: no two places are equal, and none is 0 or black."""
    return np.random.default_rng(0).uniform(1, 2, (COUNT, 28, 28, 1)).astype(np.float32)


def draws(step: int = 0, seed: int = 0, count: int = COUNT) -> Any:
    return draw(tf.constant(seed, tf.int64), tf.constant(step, tf.int64), tf.constant(count))


def test_random_numbers_follow_from_seed_and_step_alone() -> None:
    assert (draws(3, 1).numpy() == draws(3, 1).numpy()).all()
    assert not (draws(3, 1).numpy() == draws(4, 1).numpy()).any(axis=0).all()
    assert not (draws(3, 1).numpy() == draws(3, 2).numpy()).any(axis=0).all()
    assert 0 <= draws().numpy().min() < draws().numpy().max() < 1


def test_random_numbers_of_large_seeds_differ() -> None:
    assert not (draws(0, 2**32 - 1).numpy() == draws(0, 0).numpy()).any(axis=0).all()


def test_none_leaves_images_alone(images: npt.NDArray[np.float32]) -> None:
    assert (np.asarray(augment(images, draws(), "none", BLACK)) == images).all()


def test_flip_mirrors_half_of_them(images: npt.NDArray[np.float32]) -> None:
    changed = augment(images, draws(), "flip", BLACK).numpy()
    mirrored = (changed == images[:, :, ::-1]).all(axis=(1, 2, 3))
    kept = (changed == images).all(axis=(1, 2, 3))
    assert (mirrored ^ kept).all()
    assert 0.4 < mirrored.mean() < 0.6


def test_full_moves_within_the_bounds_and_lets_black_in(images: npt.NDArray[np.float32]) -> None:
    numbers = draws().numpy()
    numbers[:, 0] = 0.9  # not mirrored
    numbers[:, 3] = 0.9  # not erased
    changed = augment(images, tf.constant(numbers), "full", BLACK).numpy()
    padded = np.pad(
        images, [(0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)], constant_values=np.float32(BLACK)
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


def test_full_erases_one_rectangle_in_half_of_them(images: npt.NDArray[np.float32]) -> None:
    numbers = draws().numpy()
    numbers[:, 1:3] = 0.5  # not moved
    changed = augment(images, tf.constant(numbers), "full", BLACK).numpy()[..., 0]
    erased = changed == 0
    assert 0.4 < erased.any(axis=(1, 2)).mean() < 0.6
    sides = set()
    for one in erased[erased.any(axis=(1, 2))]:
        rows, columns = one.any(axis=1), one.any(axis=0)
        assert one.sum() == rows.sum() * columns.sum()  # a full rectangle
        sides |= {int(rows.sum()), int(columns.sum())}
    assert (min(sides), max(sides)) == ERASED_SIDES


@pytest.mark.parametrize("augmentation", ["flip", "full"])
def test_xla_compiles_it_to_the_same(images: npt.NDArray[np.float32], augmentation: str) -> None:
    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def compiled(shown: Any, numbers: Any) -> Any:
        return augment(shown, numbers, augmentation, BLACK)

    expected = augment(images, draws(), augmentation, BLACK).numpy()
    assert (compiled(images, draws()).numpy() == expected).all()
