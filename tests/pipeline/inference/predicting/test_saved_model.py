"""A registered SavedModel is loaded and asked; what is no classifier of these images is refused."""

import sys

import numpy as np
import pytest

from pipeline.errors import RegistryError
from pipeline.inference.predicting import saved_model
from pipeline.inference.predicting.choice import loaded_model
from pipeline.inference.predicting.models import LocalModels
from pipeline.inference.predicting.saved_model import SavedModel, Tensor, classify
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.inference.predicting.tiny_model import CLASSES, GROUP, bright_rows, expected_probabilities


@pytest.fixture(scope="module")
def loaded(registered_home):
    home = Home(registered_home)
    said: list[str] = []
    with Store(home) as store:
        loaded = loaded_model(LocalModels(home, store, GROUP), None, home, said.append)
    assert said == []
    return loaded


def test_it_says_which_model_it_is_and_leaves_no_files(loaded, registered_home):
    assert loaded.name == "fashion-mnist version 1 (bands, seed 0, Approved)"
    assert loaded.as_json()["version"] == 1
    assert list((registered_home / "tmp").glob("*model*")) == []


def test_its_probabilities_are_those_of_the_model(loaded):
    images = np.stack([*(bright_rows(label) for label in range(10)), np.full((28, 28), 9, np.uint8)])
    found = classify(loaded.saved_model, images, len(CLASSES), loaded.name)
    assert found.dtype == np.float32
    assert np.abs(found - expected_probabilities(images)).max() < 1e-6
    assert list(found[:10].argmax(axis=1)) == list(range(10))


def test_its_signatures_are_told_as_tensorflow_serving_tells_them(loaded):
    described = loaded.saved_model.signature_def["serving_default"]
    assert described["method_name"] == "tensorflow/serving/predict"
    images = described["inputs"]["images"]
    assert images["dtype"] == "DT_UINT8"
    sizes = [{"size": size, "name": ""} for size in ("-1", "28", "28")]
    assert images["tensor_shape"] == {"dim": sizes, "unknown_rank": False}
    assert images["name"].endswith(":0")
    assert {name: each["dtype"] for name, each in described["outputs"].items()} == {
        "probabilities": "DT_FLOAT",
        "class_id": "DT_INT64",
    }


def test_many_images_are_asked_in_batches(loaded):
    images = np.random.default_rng(0).integers(0, 256, (2500, 28, 28), dtype=np.uint8)
    found = classify(loaded.saved_model, images, len(CLASSES), loaded.name)
    assert np.abs(found - expected_probabilities(images)).max() < 1e-5


def test_a_version_that_is_not_approved_is_used_with_a_note(registered_home):
    home = Home(registered_home)
    said: list[str] = []
    with Store(home) as store:
        loaded_model(LocalModels(home, store, GROUP), 2, home, said.append)
    assert said == [
        "Note on version 2 of fashion-mnist: it is PendingManualApproval. "
        "Approve it with: python -m pipeline registry approve 2"
    ]


def test_a_folder_that_is_no_saved_model_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xffnonsense")
    with pytest.raises(RegistryError, match="could not load the SavedModel of this one"):
        SavedModel(tmp_path, "this one")


def test_another_number_of_classes_than_the_document_says_is_refused(loaded):
    with pytest.raises(RegistryError, match=r"of the shape \(1, 7\)"):
        classify(loaded.saved_model, bright_rows(0)[None], 7, loaded.name)


def test_another_signature_is_refused(tmp_path):
    import tensorflow as tf

    class Double(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def serve(self, x):
            return {"y": 2 * x}

    double = Double()
    tf.saved_model.save(double, str(tmp_path), signatures={"serving_default": double.serve})
    model = SavedModel(tmp_path, "double")
    assert model.signatures["serving_default"].inputs == {"x": Tensor("float32", (None,))}
    assert model.call("serving_default", {"x": np.array([1, 2], np.float32)})["y"].tolist() == [2, 4]
    with pytest.raises(RegistryError, match="no signature serving_default from images"):
        classify(model, bright_rows(0)[None], 10, "double")


def test_tensorflow_is_started_without_keras_which_can_be_imported_later(tmp_path, monkeypatch):
    (tmp_path / "keras.py").touch()
    looks = "try:\n    import keras\nexcept ImportError:\n    found = False\nelse:\n    found = True\n"
    (tmp_path / "tensorflow.py").write_text(f"{looks}constant = abs\n")
    for name in ("keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, sys)  # so that what is imported here goes at the end
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    assert not saved_model._tensorflow().found
    assert "keras" not in sys.modules
    monkeypatch.delitem(sys.modules, "tensorflow")
    import keras

    assert saved_model._tensorflow().found
    assert sys.modules["keras"] is keras
