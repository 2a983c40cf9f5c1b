"""The seeded, stratified split of the published training set into training and validation.

Run by normalize.py; evaluate.py takes its sample of training images in the same way.
"""

import numpy as np
import numpy.typing as npt

from job_failure import JobError


def seeded_order(count: int, seed: int) -> npt.NDArray[np.int64]:
    """A permutation of 0..count-1 (int64) that depends on nothing but its arguments.

    It sorts the raw output of PCG64, whose stream NumPy guarantees; `Generator.permutation` may change between
    NumPy releases, and the same seed has to mean the same split for years.
    """
    keys = np.random.PCG64(seed).random_raw(count)
    return np.argsort(keys, kind="stable").astype(np.int64)


def stratified_split(
    labels: npt.NDArray[np.uint8], one_in: int, seed: int, class_count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Indices (int64, ascending) of the training and of the validation images.

    One in `one_in` of every class goes to validation (rounded down, at least one).

    Raises:
        JobError: a class has fewer than two images, so that one of the splits would lack it.
    """
    order = seeded_order(len(labels), seed)
    shuffled = labels[order]
    validation = []
    for label in range(class_count):
        members = order[shuffled == label]
        if len(members) < 2:
            raise JobError(
                "Could not split the training set: every class needs at least 2 images, one for each of "
                f"training and validation, and class {label} has {len(members)}. Use a larger subset."
            )
        validation.append(members[: max(1, len(members) // one_in)])
    chosen = np.zeros(len(labels), bool)
    chosen[np.concatenate(validation)] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
