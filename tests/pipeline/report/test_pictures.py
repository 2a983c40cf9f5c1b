from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.report.gallery import WORST, make_pictures
from pipeline.report.mistakes import SURE, TestPredictions, most_confused, read_test_predictions
from pipeline.report.pictures import Gallery, png_uri, read_gallery
from tests.pipeline.report.conftest import Run

LABELS = np.array([0, 0, 1, 1])


def models(*probabilities: list[float]) -> TestPredictions:
    """Models of two classes, by their probability of class 1 for each image."""
    arrays = {
        f"m-{place}": np.array([[1 - each, each] for each in one], np.float32)
        for place, one in enumerate(probabilities)
    }
    return TestPredictions(LABELS, arrays)


def test_the_png_holds_the_very_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    content = base64.b64decode(png_uri(pixels).removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
    assert png_uri(pixels) == png_uri(pixels.copy())


def test_the_most_confident_mistake_comes_first() -> None:
    mistakes = models([0.6, 0.95, 0.3, 0.9]).mistakes("m-0")
    assert [(each.index, each.true, each.taken) for each in mistakes] == [(1, 0, 1), (2, 1, 0), (0, 0, 1)]
    assert mistakes[0].probability == pytest.approx(0.95)


def test_a_label_is_in_doubt_when_all_models_are_sure_of_the_same_other_class() -> None:
    assert SURE == 0.9
    found = models([0.95, 0.95, 0.95, 0.05], [0.92, 0.80, 0.95, 0.95]).mistakes("m-0")
    assert {each.index: (each.agreeing, each.suspected) for each in found} == {
        0: (2, True),
        1: (2, False),
        3: (1, False),
    }


def test_one_model_alone_puts_no_label_in_doubt() -> None:
    assert [each.suspected for each in models([0.99, 0.1, 0.9, 0.9]).mistakes("m-0")] == [False]


def test_typical_images_are_right_and_the_surest() -> None:
    assert models([0.1, 0.3, 0.4, 0.9]).typical("m-0", 0, 1) == [0]
    assert models([0.1, 0.3, 0.4, 0.9]).typical("m-0", 1, 5) == [3]


def test_pairs_errors_and_doubtful_labels_become_tiles_with_alternative_texts(run: Run) -> None:
    names, winner = run.evaluation["class_names"], run.evaluation["winner"]["id"]
    (entry,) = (each for each in run.evaluation["candidates"] if each["id"] == winner)
    confusions = most_confused(entry["test"]["confusion_matrix"], names, 2)
    predictions = read_test_predictions(
        run.predictions, [each["id"] for each in run.evaluation["candidates"]]
    )
    pictures = make_pictures(predictions, read_gallery(run.gallery), winner, confusions, names)
    assert pictures.problem == ""
    assert pictures.models == 9
    assert len(pictures.worst) == WORST
    assert [pair.confusion for pair in pictures.pairs] == confusions
    assert len(pictures.pairs[0].mistaken) == 5
    assert pictures.worst[0].picture.alt.startswith("Test image ")
    assert ": labelled T-shirt/top, taken for Shirt with probability 97.0 %" in pictures.worst[0].picture.alt
    assert pictures.worst[0].lines == ("label T-shirt/top", "taken for Shirt", "97.0 %", "9 of 9 agree")
    assert pictures.suspects == len(pictures.suspected) == 1
    assert pictures.suspected[0].suspected
    assert pictures.suspected[0].picture.alt.endswith("All models agree: the label may be wrong.")


def test_without_a_gallery_or_predictions_the_reason_is_given(run: Run, tmp_path: Path) -> None:
    assert make_pictures(None, read_gallery(run.gallery), "a-0", [], []).problem.startswith(
        "No errors are shown"
    )
    assert "older than the gallery" in make_pictures(None, read_gallery(None), "a-0", [], []).problem


def test_an_image_that_the_gallery_lacks_is_left_out(run: Run) -> None:
    names, winner = run.evaluation["class_names"], run.evaluation["winner"]["id"]
    predictions = read_test_predictions(run.predictions, [winner])
    pictures = make_pictures(predictions, Gallery({}), winner, [], names)
    assert (pictures.worst, pictures.problem) == ((), "")


@pytest.mark.parametrize(
    "arrays",
    [
        {"indices_test": np.arange(2)},
        {"indices_test": np.arange(2), "pixels_test": np.zeros((3, 28, 28), np.uint8)},
        {"indices_test": np.arange(2), "pixels_test": np.zeros((2, 28, 28), np.float32)},
        {"indices_test": np.array([None, None]), "pixels_test": np.zeros((2, 28, 28), np.uint8)},
    ],
)
def test_a_gallery_of_another_form_is_no_error_and_runs_nothing(
    arrays: dict[str, Any], tmp_path: Path
) -> None:
    np.savez(tmp_path / "gallery.npz", **arrays)
    gallery = read_gallery(tmp_path / "gallery.npz")
    assert len(gallery) == 0
    assert gallery.problem.startswith("The images cannot be shown")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04"])
def test_damaged_files_are_no_errors(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.npz").write_bytes(content)
    assert "gallery.npz cannot be read" in read_gallery(tmp_path / "file.npz").problem
    assert read_test_predictions(tmp_path / "file.npz", ["a-0"]) is None


def test_predictions_of_other_models_are_not_read(run: Run) -> None:
    assert read_test_predictions(run.predictions, ["resnet-0"]) is None
    assert read_test_predictions(None, []) is None
