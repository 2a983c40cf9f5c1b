"""Checkpoints leave a running job as soon as they have settled."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from pipeline.errors import StateError
from pipeline.local.jobs.checkpoints import CheckpointSync


class Bucket:
    """What was uploaded, by path, and removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uploads: list[tuple[str, str]] = []
        self.removed: list[str] = []
        self.warnings: list[str] = []

    def upload(self, path: Path, file: BinaryIO) -> None:
        self.uploads.append((str(path), file.read().decode()))

    def remove(self, path: Path) -> None:
        self.removed.append(str(path))

    def sync(self, interval: float = 0.01) -> CheckpointSync:
        return CheckpointSync(
            self.folder,
            upload=self.upload,
            remove=self.remove,
            warn=self.warnings.append,
            interval=interval,
        )


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.005)


def test_a_file_is_uploaded_while_the_job_runs_and_once(bucket: Bucket) -> None:
    with bucket.sync():
        (bucket.folder / "deep").mkdir()
        (bucket.folder / "deep" / "a").write_text("1")
        until(lambda: len(bucket.uploads) == 1)
        (bucket.folder / "b").write_text("2")
        until(lambda: len(bucket.uploads) == 2)
    assert bucket.uploads == [("deep/a", "1"), ("b", "2")]


def test_a_changed_file_is_uploaded_again(bucket: Bucket) -> None:
    with bucket.sync():
        (bucket.folder / "a").write_text("one")
        until(lambda: len(bucket.uploads) == 1)
        (bucket.folder / "a").write_text("longer")
        until(lambda: len(bucket.uploads) == 2)
    assert bucket.uploads == [("a", "one"), ("a", "longer")]


def test_what_was_written_last_is_uploaded_at_the_end(bucket: Bucket) -> None:
    with bucket.sync(interval=60):
        (bucket.folder / "a").write_text("last")
    assert bucket.uploads == [("a", "last")]


def test_what_was_there_at_the_start_is_not_uploaded(bucket: Bucket) -> None:
    (bucket.folder / "old").write_text("from S3")
    with bucket.sync():
        pass
    assert bucket.uploads == []


def test_a_file_that_still_grows_waits(bucket: Bucket) -> None:
    done = threading.Event()

    def grow() -> None:
        with (bucket.folder / "a").open("w") as file:
            while not done.wait(0.001):
                file.write("x")
                file.flush()

    writer = threading.Thread(target=grow)
    with bucket.sync(interval=0.05):
        writer.start()
        try:
            time.sleep(0.3)
            uploaded_meanwhile = list(bucket.uploads)
        finally:
            done.set()
            writer.join()
        until(lambda: len(bucket.uploads) == 1)
    assert uploaded_meanwhile == []
    assert len(bucket.uploads) == 1


def test_an_upload_that_fails_is_told_and_tried_again(bucket: Bucket) -> None:
    failures = [StateError("disk full"), OSError("gone")]

    def flaky(path: Path, file: BinaryIO) -> None:
        if failures:
            raise failures.pop(0)
        bucket.uploads.append((str(path), "saved"))

    sync = CheckpointSync(
        bucket.folder,
        upload=flaky,
        remove=bucket.remove,
        warn=bucket.warnings.append,
        interval=0.01,
    )
    with sync:
        (bucket.folder / "a").write_text("1")
        until(lambda: len(bucket.uploads) == 1)
    assert bucket.uploads == [("a", "saved")]
    assert bucket.warnings == [
        "a checkpoint could not be saved: disk full",
        "a checkpoint could not be saved: gone",
    ]


@pytest.mark.parametrize("seconds", [0.35, 0.02])
def test_a_training_that_replaces_its_checkpoint_more_often_than_we_look_has_some_saved(
    bucket: Bucket, seconds: float
) -> None:
    done = threading.Event()

    def replace_checkpoints() -> None:
        for number in itertools.count():
            partial = bucket.folder / "partial"
            partial.write_text(str(number))
            partial.rename(bucket.folder / f"epoch-{number}")
            (bucket.folder / f"epoch-{number - 1}").unlink(missing_ok=True)
            if done.wait(seconds):
                return

    training = threading.Thread(target=replace_checkpoints)
    # Two looks never see the same file, and at 0.02 s none is there for as long as it takes to settle.
    with bucket.sync(interval=0.4):
        training.start()
        try:
            until(lambda: len(bucket.uploads) >= 3)
        finally:
            done.set()
            training.join()
    assert bucket.warnings == []
    names = [name for name, _ in bucket.uploads]
    assert [content for _, content in bucket.uploads] == [name.removeprefix("epoch-") for name in names]
    assert bucket.removed == names[:-1]


def test_a_file_that_is_renamed_while_it_settles_is_saved_under_its_new_name(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.local.jobs.checkpoints._SETTLED_SECONDS", 1.0)
    with bucket.sync():
        (bucket.folder / "model.partial").write_text("1")
        time.sleep(0.3)
        (bucket.folder / "model.partial").rename(bucket.folder / "model")
        until(lambda: len(bucket.uploads) == 1)
    assert bucket.uploads == [("model", "1")]


def test_more_files_than_are_held_open_at_once_are_saved(bucket: Bucket) -> None:
    with bucket.sync(interval=60):
        for number in range(200):
            (bucket.folder / f"{number:03}").write_text(str(number))
    assert bucket.uploads == [(f"{number:03}", str(number)) for number in range(200)]


def test_a_checkpoint_that_is_deleted_while_it_is_uploaded_is_saved(bucket: Bucket) -> None:
    def delete_meanwhile(path: Path, file: BinaryIO) -> None:
        (bucket.folder / path).unlink()
        bucket.upload(path, file)

    sync = CheckpointSync(
        bucket.folder,
        upload=delete_meanwhile,
        remove=bucket.remove,
        warn=bucket.warnings.append,
        interval=0.01,
    )
    with sync:
        (bucket.folder / "old").write_text("1")
        until(lambda: len(bucket.uploads) == 1)
        (bucket.folder / "new").write_text("2")
        until(lambda: len(bucket.uploads) == 2)
    assert bucket.uploads == [("old", "1"), ("new", "2")]
    assert bucket.removed == ["old"]
    assert bucket.warnings == []


def test_what_a_newer_file_replaced_is_removed_and_what_others_left_is_kept(bucket: Bucket) -> None:
    (bucket.folder / "of-another-job").write_text("from S3")
    with bucket.sync():
        (bucket.folder / "first").write_text("1")
        until(lambda: len(bucket.uploads) == 1)
        (bucket.folder / "first").unlink()
        (bucket.folder / "of-another-job").unlink()
        time.sleep(0.3)
        assert bucket.removed == [], "nothing newer is there yet"
        (bucket.folder / "second").write_text("2")
        until(lambda: len(bucket.uploads) == 2)
    assert bucket.removed == ["first"]
    assert [name for name, _ in bucket.uploads] == ["first", "second"]
