import hashlib
import io
import json
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from checkpoints import Checkpoints
from training_failure import TrainingError
from training_progress import EpochRecord, Progress

FINGERPRINT = {"hyperparameters": {"seed": 0, "learning_rate": 0.003}, "code_digest": "abc"}
ARRAYS: list[npt.NDArray[Any]] = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)]
SHAPES = [(2, 3), ()]


def after(epochs: int, **more: Any) -> Progress:
    """The progress of a training that has completed `epochs`."""
    records = [EpochRecord(number, 1.0, 0.5, 1.0, 0.5, 0.003, 100.0, 1.0) for number in range(1, epochs + 1)]
    return Progress(epoch=epochs, history=records, **more)


def document() -> dict[str, Any]:
    """What a checkpoint of one epoch says of itself."""
    return {"fingerprint": FINGERPRINT, "training": "t", "progress": after(1).to_json()}


def write_named_rightly(folder: Path, content: bytes) -> Path:
    """A file that bears the digest of its content, as one that somebody made on purpose would."""
    folder.mkdir(exist_ok=True)
    path = folder / f"checkpoint-{hashlib.sha256(content).hexdigest()[:16]}.npz"
    path.write_bytes(content)
    return path


def archive(header: object, arrays: list[npt.NDArray[Any]] = ARRAYS) -> bytes:
    buffer = io.BytesIO()
    named = {f"array_{number:03}": array for number, array in enumerate(arrays)}
    text = header if isinstance(header, str) else json.dumps(header)
    np.savez(buffer, allow_pickle=False, header=np.array(text), **named)
    return buffer.getvalue()


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", FINGERPRINT)


def test_what_was_saved_is_loaded(checkpoints: Checkpoints) -> None:
    checkpoints.save(after(2, step=3, loss_sum=0.1), ARRAYS)
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress == after(2, step=3, loss_sum=0.1)
    for one, other in zip(found.arrays, ARRAYS, strict=True):
        assert one.dtype == other.dtype
        assert (one == other).all()


def test_without_a_checkpoint_there_is_none(checkpoints: Checkpoints) -> None:
    assert checkpoints.load(SHAPES) is None


def test_only_the_newest_is_kept(checkpoints: Checkpoints, tmp_path: Path) -> None:
    checkpoints.save(after(1), ARRAYS)
    newest = checkpoints.save(after(2), ARRAYS)
    assert list((tmp_path / "checkpoints").iterdir()) == [newest]


def test_the_furthest_of_several_is_loaded(checkpoints: Checkpoints, tmp_path: Path) -> None:
    older = checkpoints.save(after(10), ARRAYS)
    content = older.read_bytes()
    checkpoints.save(after(9, step=200), ARRAYS)
    older.write_bytes(content)  # as if the program had died before it removed the other
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress.epoch == 10


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_checkpoint_is_left_aside_with_a_reason(
    checkpoints: Checkpoints, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoints.save(after(1), ARRAYS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"flip": bytes(content), "truncate": bytes(content[:-9]), "empty": b""}[damage])
    assert checkpoints.load(SHAPES) is None
    assert f"Not continuing from {path}: it is damaged" in capsys.readouterr().out


def test_what_is_damaged_is_kept_under_another_name_and_trained_anew(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoints.save(after(1), ARRAYS)
    path.write_bytes(b"garbage")
    for _ in range(2):
        # In S3 it keeps its name, and comes back with the next attempt.
        path.write_bytes(b"garbage")
        assert checkpoints.load(SHAPES) is None
        assert f"It is kept as set-aside-{path.name}" in capsys.readouterr().out
    path.write_bytes(b"other garbage")
    assert checkpoints.load(SHAPES) is None
    newer = checkpoints.save(after(2), ARRAYS)
    assert {
        file.name: file.read_bytes() for file in (tmp_path / "checkpoints").iterdir() if file != newer
    } == {
        f"set-aside-{path.name}": b"garbage",
        f"set-aside-2-{path.name}": b"other garbage",
    }
    assert Checkpoints(tmp_path / "checkpoints", FINGERPRINT).load(SHAPES) is not None


def test_no_flipped_bit_and_no_lost_end_stops_a_training(checkpoints: Checkpoints, tmp_path: Path) -> None:
    content = checkpoints.save(after(1), ARRAYS).read_bytes()
    chance = random.Random(7)
    for number in range(400):
        damaged = bytearray(content)
        if number % 4:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        else:
            del damaged[chance.randrange(len(damaged)) :]
        # Under the digest of the damaged bytes, so that the archive itself is read.
        path = write_named_rightly(tmp_path / "checkpoints", bytes(damaged))
        Checkpoints(tmp_path / "checkpoints", FINGERPRINT).load(SHAPES)
        path.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive("{"), "Expecting property name"),
        (archive("null"), "not subscriptable"),
        (archive("[" * 100_000), "recursion"),
        (archive({"fingerprint": FINGERPRINT}), "'progress'"),
        (archive(document() | {"progress": {"epoch": 1}}), "'history'"),
        (archive(document() | {"progress": after(1).to_json() | {"epoch": "1"}}), "its epoch is '1'"),
        (archive(document() | {"progress": after(1).to_json() | {"step": -1}}), "its step is -1"),
        (archive(document() | {"progress": after(1).to_json() | {"step": 1.5}}), "its step is 1.5"),
        (archive(document() | {"progress": after(1).to_json() | {"seconds": float("nan")}}), "is nan"),
        (archive(document() | {"progress": after(1).to_json() | {"epoch": 3}}), "of 1 epochs"),
        (archive(document(), [np.full((2, 3), np.nan), ARRAYS[1]]), "not finite"),
        (archive(document(), [np.array(["text"] * 6).reshape(2, 3), ARRAYS[1]]), "isfinite"),
        (b"PK\x05\x06" + bytes(18), "header"),
        (b"no archive at all", "not a checkpoint of this program"),
    ],
)
def test_nothing_that_can_be_in_a_checkpoint_stops_a_training(
    tmp_path: Path, content: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    path = write_named_rightly(folder, content)
    assert Checkpoints(folder, FINGERPRINT).load(SHAPES) is None
    assert reason in capsys.readouterr().out
    assert (folder / f"set-aside-{path.name}").read_bytes() == content


def test_a_folder_in_the_place_of_a_checkpoint_is_left_alone(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints" / "checkpoint-0123456789abcdef.npz"
    folder.mkdir(parents=True)
    (folder / "file").write_text("somebody's")
    assert checkpoints.load(SHAPES) is None
    assert "it cannot be read (Is a directory)" in capsys.readouterr().out
    checkpoints.save(after(1), ARRAYS)
    assert (folder / "file").read_text() == "somebody's"


def test_another_trainings_checkpoint_outlives_this_training(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    others = Checkpoints(tmp_path / "checkpoints", {"hyperparameters": {"seed": 1}}).save(after(1), ARRAYS)
    checkpoints.load(SHAPES)
    checkpoints.save(after(1), ARRAYS)
    newest = checkpoints.save(after(2), ARRAYS)
    assert set((tmp_path / "checkpoints").iterdir()) == {others, newest}


def test_another_trainings_checkpoint_is_left_aside_naming_what_differs(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.save(after(1), ARRAYS)
    other = {"hyperparameters": {"seed": 0, "learning_rate": 0.001}, "code_digest": "def"}
    assert Checkpoints(tmp_path / "checkpoints", other).load(SHAPES) is None
    told = capsys.readouterr().out
    assert "hyperparameters.learning_rate is 0.003 there and 0.001 here" in told
    assert "code_digest is 'abc' there and 'def' here" in told
    assert "seed" not in told


def test_arrays_of_other_shapes_are_left_aside(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints.save(after(1), ARRAYS)
    assert checkpoints.load([(2, 3), (), (1,)]) is None
    assert "its variables have other shapes" in capsys.readouterr().out


def test_a_file_of_another_kind_is_left_aside(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "checkpoint-e3b0c44298fc1c14.npz").write_bytes(b"")  # named rightly: SHA-256 of nothing
    assert checkpoints.load(SHAPES) is None
    assert "it is not a checkpoint of this program" in capsys.readouterr().out


def test_a_half_written_file_is_not_read(checkpoints: Checkpoints, tmp_path: Path) -> None:
    path = checkpoints.save(after(1), ARRAYS)
    path.rename(path.with_suffix(".partial"))
    assert checkpoints.load(SHAPES) is None


def test_a_finished_trainings_checkpoints_are_left_aside(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also those that it had removed here: in S3 they are still there, and come back."""
    earlier = checkpoints.save(after(1), ARRAYS)
    content = earlier.read_bytes()
    checkpoints.save(after(2), ARRAYS)
    checkpoints.finish()
    earlier.write_bytes(content)
    again = Checkpoints(tmp_path / "checkpoints", FINGERPRINT)
    assert again.load(SHAPES) is None
    assert capsys.readouterr().out.count("its training is finished") == 2
    own = again.save(after(1), ARRAYS)
    assert own.is_file()
    assert Checkpoints(tmp_path / "checkpoints", FINGERPRINT).load(SHAPES) is not None


def test_an_interrupted_training_stays_the_same_one(checkpoints: Checkpoints, tmp_path: Path) -> None:
    first = checkpoints.save(after(1), ARRAYS)
    content = first.read_bytes()
    continued = Checkpoints(tmp_path / "checkpoints", FINGERPRINT)
    assert continued.load(SHAPES) is not None
    continued.save(after(2), ARRAYS)
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
    checkpoints.save(after(1), ARRAYS)
    with no_room(), pytest.raises(TrainingError, match=r"Could not write the checkpoint .* The disk is full"):
        checkpoints.save(after(2), ARRAYS)
    found = checkpoints.load(SHAPES)
    assert found is not None
    assert found.progress.epoch == 1
