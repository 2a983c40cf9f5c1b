"""Changed copies of training images, within the training step: mirrored, moved, partly erased.

What happens to an image depends on the seed, the step's number and its place in the batch alone: it is the same for
every candidate, after a resume, and on several hosts. Everything is made of slices, gathers and selections of fixed
shapes, which XLA compiles.
"""

from typing import Any

import tensorflow as tf

SHIFT = 2  # pixels, each way
ERASED_SHARE = 0.5  # of the images
ERASED_AREA = (0.02, 0.4)  # shares of an image, the smallest and the largest
ERASED_RATIO = 0.3  # the flattest rectangle's height to its width; the narrowest one's width to its height
DRAWS = 8  # random numbers an image


def draw(seed: Any, step: Any, count: Any) -> Any:
    """The random numbers of a batch of `count` images in step number `step` of the training (int64 scalars).

    Returns float32 in [0, 1), count×8, by Philox, which keeps no state: the same on every device,
    if XLA does not compile it.
    """
    return tf.random.stateless_uniform([count, DRAWS], tf.stack([seed, step]), alg="philox")


def augment(pixels: Any, draws: Any, augmentation: str, mean: float, std: float) -> Any:
    """The images (float32, N×28×28×1) of `pixels` (uint8), each changed as its row of `draws` (N×8) says.

    "flip": every second one mirrored. "full": also moved by up to 2 pixels each way, and in every second one a
    rectangle replaced by 0, the mean pixel (Zhong et al., "Random Erasing Data Augmentation", 2020, with their
    bounds for its area and sides). Black moves in. `mean`, `std`: see TrainingData.
    """
    if augmentation != "none":
        pixels = tf.where(_column(draws[:, 0] < 0.5), tf.reverse(pixels, [2]), pixels)
    if augmentation == "full":
        pixels = _move(pixels, draws[:, 1:3])
    # In float64 and rounded once, the bits are those of grey_levels; looking each pixel up takes twice as long.
    images = tf.cast((tf.cast(pixels, tf.float64) / 255 - mean) / std, tf.float32)
    return _erase(images, draws[:, 3:]) if augmentation == "full" else images


def _move(pixels: Any, draws: Any) -> Any:
    side = pixels.shape[1]
    padded = tf.pad(pixels, [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]])
    first = tf.cast(draws * (2 * SHIFT + 1), tf.int32)
    places = first[:, :, tf.newaxis] + tf.range(side)  # N×2×28: which rows, which columns
    rows = tf.gather(padded, places[:, 0], axis=1, batch_dims=1)
    return tf.gather(rows, places[:, 1], axis=2, batch_dims=1)


def _erase(images: Any, draws: Any) -> Any:
    side = images.shape[1]
    least, most = ERASED_AREA
    root = side * tf.sqrt(least + draws[:, 1] * (most - least))
    stretch = tf.pow(ERASED_RATIO, draws[:, 2] - 0.5)  # the square root of height to width
    sides = tf.cast(tf.minimum(tf.round(tf.stack([root * stretch, root / stretch], 1)), side), tf.int32)
    first = tf.cast(draws[:, 3:5] * tf.cast(side - sides + 1, tf.float32), tf.int32)
    places = tf.range(side)
    within = (places >= first[:, :, tf.newaxis]) & (places < (first + sides)[:, :, tf.newaxis])  # N×2×28
    chosen = (draws[:, 0] < ERASED_SHARE)[:, tf.newaxis, tf.newaxis]
    erased = within[:, 0, :, tf.newaxis] & within[:, 1, tf.newaxis, :] & chosen
    return tf.where(erased[..., tf.newaxis], 0.0, images)


def _column(flags: Any) -> Any:
    return flags[:, tf.newaxis, tf.newaxis, tf.newaxis]
