"""The smoke test counts what is right and how long answers take, and says what was missed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.main import main
from pipeline.errors import UsageError
from pipeline.inference.predicting.picture import ImageError, Picture
from pipeline.inference.serving.smoke import TIMED, Measured, SmokeFailed, Wanted, check, held_sample, measure
from tests.conftest import write_idx


@dataclass
class Model:
    """Names every image by its first pixel; each answer takes `seconds`, the first one a minute."""

    seconds: float = 0.05
    now: float = 0.0
    asked: list[int] = field(default_factory=list)

    name = "endpoint fashion-mnist"

    def ask(self, body: bytes) -> bytes:
        images = json.loads(body)["instances"]
        self.now += 60.0 if not self.asked else self.seconds
        self.asked.append(len(images))
        rows = [{"probabilities": np.eye(10)[image[0][0]].tolist()} for image in images]
        return json.dumps({"predictions": rows}).encode()

    def clock(self) -> float:
        return self.now


def picture(says: int, label: int) -> Picture:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[0, 0] = says
    return Picture("x", pixels, label=label)


def test_what_is_right_is_counted_and_single_answers_are_timed_without_the_first() -> None:
    model = Model()
    sample = [picture(says % 10, (says if says < 90 else 1) % 10) for says in range(100)]
    measured = measure(model, sample, model.clock)
    assert (measured.images, measured.right) == (100, 91)
    assert measured.latency_ms == pytest.approx(50)
    assert model.asked == [100, *[1] * TIMED]
    assert str(measured) == "91 of 100 images right (91.00 %), nine in ten answers within 50 ms"
    check(measured, Wanted(images=100, accuracy=0.91), model.name)


def test_everything_that_was_missed_is_said() -> None:
    with pytest.raises(SmokeFailed) as failed:
        check(Measured(100, 50, 1500.0), Wanted(accuracy=0.8, latency_ms=1000), "endpoint x")
    accuracy = "the accuracy is 50.00 %, below the 80.00 % required"
    told = f"{accuracy}; nine in ten answers took up to 1500 ms, more than the 1000 ms allowed"
    assert str(failed.value) == f"endpoint x did not pass the smoke test: {told}."


@pytest.mark.parametrize("odd", [{"images": 0}, {"images": 10_001}, {"accuracy": 1.1}, {"latency_ms": 0.0}])
def test_odd_wishes_are_refused(odd: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="must be"):
        Wanted(**odd)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", np.arange(4 * 784, dtype=np.uint8).reshape(4, 28, 28))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([3, 1, 4, 1], np.uint8))
    return tmp_path


def test_the_sample_is_the_beginning_of_the_test_images_as_they_are(folder: Path) -> None:
    sample = held_sample(folder, 3)
    assert [each.label for each in sample] == [3, 1, 4]
    assert not any(each.inverted for each in sample)
    with pytest.raises(ImageError, match="rows 0 to 3"):
        held_sample(folder, 5)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UsageError, match="the file of labels is not beside"):
        held_sample(folder, 3)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("--images", "0"), 2, "--images must be 1 to 10000 (got 0)."),
        (("--data", "/nowhere"), 2, "t10k-images-idx3-ubyte.gz"),
        (("--images", "2", "--url", "http://127.0.0.1:9"), 1, "pipeline serve"),
    ],
)
def test_mistakes_are_told(
    words: tuple[str, ...],
    status: int,
    told: str,
    folder: Path,
    home: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = () if "--data" in words else ("--data", str(folder))
    assert main(["smoke", *words, *where]) == status
    assert told in capsys.readouterr().err
