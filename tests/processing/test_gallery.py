import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from candidate_evaluation import RawSplit
from gallery import EXAMPLES, gallery_bytes, gallery_indices

LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1], np.uint8)


def surely(*of_truth: float) -> npt.NDArray[np.float32]:
    """Probabilities of two classes, from those of the right one."""
    truth = np.array(of_truth, np.float32)
    return np.where(LABELS[:, None] == np.arange(2), truth[:, None], 1 - truth[:, None]).astype(np.float32)


GOOD = surely(0.91, 0.92, 0.93, 0.94, 0.95, 0.60, 0.90, 0.90)
PREDICTED: Mapping[str, Any] = {"good-0": GOOD, "bad-0": surely(0.2, *[0.9] * 7)}


def test_what_any_model_gets_wrong_is_there_and_the_winners_surest_hits_of_each_class() -> None:
    indices = gallery_indices(LABELS, PREDICTED, "good-0")
    assert EXAMPLES == 4
    assert indices.tolist() == [0, 1, 2, 3, 4, 6, 7]


def test_a_class_without_images_is_no_error() -> None:
    labels = np.zeros(3, np.uint8)
    assert gallery_indices(
        labels, {"a-0": np.tile(np.array([0.9, 0.1], np.float32), (3, 1))}, "a-0"
    ).tolist() == [
        0,
        1,
        2,
    ]


def test_the_file_holds_the_pixels_of_its_indices_and_needs_no_pickle() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 28, 28), dtype=np.uint8)
    content = gallery_bytes(RawSplit(pixels, LABELS), PREDICTED, "good-0")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        assert sorted(file.files) == ["indices_test", "pixels_test"]
        np.testing.assert_array_equal(file["pixels_test"], pixels[file["indices_test"]])
        assert file["pixels_test"].dtype == np.uint8
