import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import served_model
from artifact import ArtifactError
from served_model import BATCH, load_served_model

SavedModel = Callable[..., Path]
PIXELS = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


def test_probabilities_come_in_the_order_of_the_images_over_several_batches(saved_model: SavedModel) -> None:
    predict = load_served_model(saved_model(), "cnn-0")
    pixels = np.random.default_rng(1).integers(0, 256, (BATCH + 5, 28, 28), dtype=np.uint8)
    probabilities = predict(pixels)
    assert (probabilities.dtype, probabilities.shape) == (np.dtype(np.float32), (BATCH + 5, 10))
    np.testing.assert_allclose(probabilities[-7:], predict(pixels[-7:]), atol=1e-6)


@pytest.mark.parametrize(
    ("strength", "kind", "message"),
    [
        (float("nan"), "softmax", "Scoring cnn-0: its probabilities are NaN or infinite"),
        (1.0, "logits", r"Scoring cnn-0: its probabilities must be at least 0 and sum to 1"),
        (1.0, "wrong-class", "Scoring cnn-0: class_id is not the most probable class"),
        (1.0, "breaks", r"Could not score cnn-0: its signature does not accept uint8 images \(7, 28, 28\)"),
        (1.0, "wrong-name", "SavedModel of cnn-0 has no signature serving_default"),
    ],
)
def test_a_model_that_serves_something_else_is_refused_by_name(
    saved_model: SavedModel, strength: float, kind: str, message: str
) -> None:
    with pytest.raises(ArtifactError, match=message):
        load_served_model(saved_model(strength, kind), "cnn-0")(PIXELS)


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_folder_without_a_readable_model_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(ArtifactError, match="could not load the SavedModel of cnn-0"):
        load_served_model(tmp_path, "cnn-0")


def test_tensorflow_is_started_without_keras_which_can_be_imported_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.py").touch()
    looks = "try:\n    import keras\nexcept ImportError:\n    found = False\nelse:\n    found = True\n"
    (tmp_path / "tensorflow.py").write_text(looks)
    for name in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, sys)  # so that what is imported here goes at the end
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert not served_model._tensorflow().found
    assert "keras" not in sys.modules
    monkeypatch.delitem(sys.modules, "tensorflow")
    import keras

    assert served_model._tensorflow().found
    assert sys.modules["keras"] is keras
