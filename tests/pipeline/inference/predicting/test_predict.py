"""The command `predict`, as its users have it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.cli.main import main
from tests.conftest import write_idx
from tests.pipeline.inference.predicting.tiny_model import CLASSES, bright_rows, expected_probabilities

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def surroundings(registered_home, tmp_path, monkeypatch):
    """The state folder with models; images and rows in the working directory."""
    monkeypatch.setenv("FASHION_HOME", str(registered_home))
    monkeypatch.delenv("FASHION_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(bright_rows(3)).save("three.png")
    Image.fromarray(255 - bright_rows(5)).save("light.png")
    write_idx(tmp_path / "rows.gz", np.stack([bright_rows(label) for label in (7, 2, 9)]))


def test_a_table_says_class_probability_and_what_was_done(capsys):
    assert main(["predict", "three.png", "light.png", "rows.gz#1"]) == 0
    out = capsys.readouterr().out
    assert "fashion-mnist version 1 (bands, seed 0, Approved)" in out
    rows = {line.split()[0]: line for line in out.splitlines()[2:5]}
    best = expected_probabilities(bright_rows(3)[None])[0, 3]
    assert f"class 3  {best * 100:.2f} %" in rows["three.png"]
    assert "class 5" in rows["light.png"]
    assert "class 2" in rows["rows.gz#1"]
    assert "light.png: light background (the border's brightness is 255 of 255), so it was inverted" in out


def test_json_has_every_class(capsys):
    assert main(["predict", "--json", "--top", "2", "rows.gz#0,2", "light.png"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model"]["version"] == 1
    assert [each["class_name"] for each in document["predictions"]] == ["class 7", "class 9", "class 5"]
    first = document["predictions"][0]
    assert first["image"] == "rows.gz#0"
    assert list(first["probabilities"]) == list(CLASSES)
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-6)
    assert [each["class_name"] for each in first["top"]] == ["class 7", "class 0"]
    assert (first["inverted"], document["predictions"][2]["inverted"]) == (False, True)


def test_the_true_class_is_shown_where_the_labels_lie_beside_the_images(tmp_path, capsys):
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.stack([bright_rows(4), bright_rows(6)]))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([4, 1], np.uint8))
    assert main(["predict", "t10k-images-idx3-ubyte.gz#0-1", "--json"]) == 0
    found = [each["true_class_name"] for each in json.loads(capsys.readouterr().out)["predictions"]]
    assert found == ["class 4", "class 1"]


def test_rows_of_the_data_set_are_found_where_it_lies(tmp_path, monkeypatch, capsys):
    (tmp_path / "data").mkdir()
    write_idx(tmp_path / "data" / "some-images.gz", bright_rows(8)[None])
    monkeypatch.setenv("FASHION_DATA", str(tmp_path / "data"))
    assert main(["predict", "some-images.gz#0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["class_name"] == "class 8"


def test_a_chosen_version_is_used_and_a_note_says_what_it_is(capsys):
    assert main(["predict", "three.png", "--model", "3", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["model"]["model_approval_status"] == "Rejected"
    assert "Note on version 3 of fashion-mnist: it is Rejected." in captured.err


def test_every_file_at_fault_is_named_and_nothing_is_predicted(capsys, tmp_path):
    (tmp_path / "notes.png").write_text("not an image")
    assert main(["predict", "three.png", "notes.png", "gone.jpg", "rows.gz#3", "rows.gz#2-1"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    for said in (
        "Could not read notes.png",
        "Could not read gone.jpg",
        "no row 3. The file has rows 0 to 2",
        "not 2-1",
    ):
        assert said in captured.err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["three.png", "--model", "9"], 2, "has no version 9"),
        (["three.png", "--model", "4"], 1, "which was registered"),
        (["three.png", "--group", "other"], 1, "no versions"),
        (["three.png", "--top", "0"], 2, "--top 0: show at least one class"),
        (["three.png", "--top", "11"], 2, "--top 11: the model has 10 classes. Show 10 or fewer."),
    ],
)
def test_what_cannot_be_done_is_told(words, status, message, capsys):
    assert main(["predict", *words]) == status
    assert message in capsys.readouterr().err


def test_a_file_whose_name_looks_like_rows_is_read_as_the_file_it_is(tmp_path, capsys):
    (tmp_path / "three.png").rename(tmp_path / "shirt#3")
    assert main(["predict", "shirt#3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["class_name"] == "class 3"


def test_tensorflow_is_not_loaded_for_an_image_that_is_refused(registered_home, tmp_path):
    code = (
        "import sys\nfrom pipeline.cli.main import main\n"
        f"assert main(['predict', {str(tmp_path / 'gone.png')!r}]) == 2\n"
        "assert not {'tensorflow', 'keras', 'sagemaker'} & set(sys.modules)\n"
    )
    environment = {**os.environ, "FASHION_HOME": str(registered_home)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_nothing_but_the_result_is_written(registered_home, tmp_path):
    """TensorFlow's own remarks are kept away."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "predict", str(tmp_path / "three.png"), "--json"],
        cwd=ROOT, env={**os.environ, "FASHION_HOME": str(registered_home)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["predictions"][0]["class_name"] == "class 3"
