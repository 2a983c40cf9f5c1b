from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from checkpoints import Checkpoints
from training_failure import TrainingError
from training_progress import Progress

FINGERPRINT = {"hyperparameters": {"seed": 0, "learning_rate": 0.003}, "code_digest": "abc"}
ARRAYS: list[npt.NDArray[Any]] = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
SHAPES = [(2, 3), ()]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", FINGERPRINT)


def test_what_was_saved_is_loaded(checkpoints: Checkpoints) -> None:
    checkpoints.save(Progress(epoch=2, step=3, loss_sum=0.1), ARRAYS)
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress == Progress(epoch=2, step=3, loss_sum=0.1)
    for one, other in zip(found.arrays, ARRAYS, strict=True):
        assert one.dtype == other.dtype
        assert (one == other).all()


def test_without_a_checkpoint_there_is_none(checkpoints: Checkpoints) -> None:
    assert checkpoints.load(SHAPES) is None


def test_only_the_newest_is_kept(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.save(Progress(epoch=1), ARRAYS)
    newest = checkpoints.save(Progress(epoch=2), ARRAYS)
    assert list((tmp_path / "checkpoints").iterdir()) == [newest]


def test_the_furthest_of_several_is_loaded(checkpoints: Checkpoints, tmp_path: Path) -> None:
    older = checkpoints.save(Progress(epoch=10), ARRAYS)
    content = older.read_bytes()
    checkpoints.save(Progress(epoch=9, step=200), ARRAYS)
    older.write_bytes(content)  # as if the program had died before it removed the other
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress.epoch == 10


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_checkpoint_is_left_aside_with_a_reason(
    checkpoints: Checkpoints, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoints.save(Progress(epoch=1), ARRAYS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flip": bytes(content), "truncate": bytes(content[:-9]), "empty": b""}[damage])
    assert checkpoints.load(SHAPES) is None
    assert f"Not continuing from {path}: it is damaged" in capsys.readouterr().out


def test_another_trainings_checkpoint_is_left_aside_naming_what_differs(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.save(Progress(epoch=1), ARRAYS)
    other = {"hyperparameters": {"seed": 0, "learning_rate": 0.001}, "code_digest": "def"}
    assert Checkpoints(tmp_path / "checkpoints", other).load(SHAPES) is None
    told = capsys.readouterr().out
    assert "hyperparameters.learning_rate is 0.003 there and 0.001 here" in told
    assert "code_digest is 'abc' there and 'def' here" in told
    assert "seed" not in told


def test_arrays_of_other_shapes_are_left_aside(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.save(Progress(epoch=1), ARRAYS)
    assert checkpoints.load([(2, 3), (), (1,)]) is None
    assert "shaped otherwise" in capsys.readouterr().out


def test_a_file_of_another_kind_is_left_aside(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "checkpoint-e3b0c44298fc1c14.npz").write_bytes(b"")  # named rightly: SHA-256 of nothing
    assert checkpoints.load(SHAPES) is None
    assert "it is no checkpoint of this program" in capsys.readouterr().out


def test_a_half_written_file_is_not_read(checkpoints: Checkpoints, tmp_path: Path) -> None:
    path = checkpoints.save(Progress(epoch=1), ARRAYS)
    path.rename(path.with_suffix(".partial"))
    assert checkpoints.load(SHAPES) is None


def test_a_finished_trainings_checkpoints_are_left_aside(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also those that it had removed here: in S3 they are still there, and come back."""
    earlier = checkpoints.save(Progress(epoch=1), ARRAYS)
    content = earlier.read_bytes()
    checkpoints.save(Progress(epoch=2), ARRAYS)
    checkpoints.finish()
    earlier.write_bytes(content)
    again = Checkpoints(tmp_path / "checkpoints", FINGERPRINT)
    assert again.load(SHAPES) is None
    assert capsys.readouterr().out.count("its training is finished") == 2
    own = again.save(Progress(epoch=1), ARRAYS)
    assert own.is_file()
    assert Checkpoints(tmp_path / "checkpoints", FINGERPRINT).load(SHAPES) is not None


def test_an_interrupted_training_stays_the_same_one(checkpoints: Checkpoints, tmp_path: Path) -> None:
    first = checkpoints.save(Progress(epoch=1), ARRAYS)
    content = first.read_bytes()
    continued = Checkpoints(tmp_path / "checkpoints", FINGERPRINT)
    assert continued.load(SHAPES) is not None
    continued.save(Progress(epoch=2), ARRAYS)
    continued.finish()
    first.write_bytes(content)
    assert Checkpoints(tmp_path / "checkpoints", FINGERPRINT).load(SHAPES) is None


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="Could not write the checkpoint"):
        Checkpoints(tmp_path / "file", FINGERPRINT).save(Progress(), ARRAYS)


def test_a_full_disk_leaves_the_older_checkpoint(
    checkpoints: Checkpoints, no_room: Callable[[], AbstractContextManager[None]]
) -> None:
    checkpoints.save(Progress(epoch=1), ARRAYS)
    with no_room(), pytest.raises(TrainingError, match=r"Could not write the checkpoint .* The disk is full"):
        checkpoints.save(Progress(epoch=2), ARRAYS)
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress.epoch == 1
