"""Checkpoints: one file that a training goes on from, if it is its own.

A checkpoint is `checkpoint-<digest>.npz`: the digest in the name is the start of the file's SHA-256, so a damaged
file gives itself away. It is written under another name and then renamed: there is never half of one. Inside is a
fingerprint of what decides the weights (hyperparameters, data, code); a training takes up nothing else's work.

Checkpoints outlive the training that made them, also in S3, where nothing deletes them. A training that ends marks
its own as done with, `finished-<its id>`: the next one with the same fingerprint starts anew, instead of finding
itself at the end.
"""

import hashlib
import io
import json
import os
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training_failure import while_doing
from training_progress import Progress

_DIGEST_LENGTH = 16

Arrays = list[npt.NDArray[Any]]
Shapes = Sequence[tuple[int, ...]]


@dataclass(frozen=True)
class Checkpoint:
    """`arrays`: the variables of model and optimizer, in the order in which they were saved. `training`: whose."""

    progress: Progress
    arrays: Arrays
    training: str


class Checkpoints:
    """The checkpoints of one training in `folder`, stamped with its `fingerprint` (nested plain values)."""

    def __init__(self, folder: Path, fingerprint: dict[str, Any]) -> None:
        self._folder = folder
        self._fingerprint = json.loads(json.dumps(fingerprint))  # as it comes back: tuples are lists there
        # Of this training, however often it is interrupted: a checkpoint that is gone on from brings its own.
        self._training = uuid.uuid4().hex

    def save(self, progress: Progress, arrays: Arrays) -> Path:
        """Write a checkpoint, then remove all older ones. Returns its path.

        Raises:
            TrainingError: it cannot be written, for example because the disk is full; the older one is still there.
        """
        header = json.dumps(
            {
                "fingerprint": self._fingerprint,
                "training": self._training,
                "progress": progress.to_json(),
            }
        )
        buffer = io.BytesIO()
        named = {f"array_{number:03}": array for number, array in enumerate(arrays)}
        np.savez(buffer, allow_pickle=False, header=np.array(header), **named)
        content = buffer.getvalue()
        path = self._folder / f"checkpoint-{_digest(content)}.npz"
        with while_doing(f"write the checkpoint {path}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            for other in self._folder.glob("checkpoint-*"):
                if other != path:
                    other.unlink(missing_ok=True)
        return path

    def load(self, shapes: Shapes) -> Checkpoint | None:
        """The furthest checkpoint of this very training whose arrays have `shapes`, or None.

        Says on the log why a file is left aside. What is saved from now on belongs to the training that is gone on
        with.
        """
        found = []
        finished = {path.name for path in self._folder.glob("finished-*")}
        for path in sorted(self._folder.glob("checkpoint-*.npz")):
            with while_doing(f"read the checkpoint {path}"):
                content = path.read_bytes()
            try:
                found.append(self._read(content, path, shapes, finished))
            except _LeftAsideError as reason:
                print(f"Not continuing from {path}: {reason}.", flush=True)
        furthest = max(
            found, key=lambda checkpoint: (checkpoint.progress.epoch, checkpoint.progress.step), default=None
        )
        if furthest is not None:
            self._training = furthest.training
        return furthest

    def finish(self) -> None:
        """Mark this training's checkpoints as done with: its model is written.

        Raises:
            TrainingError: the mark cannot be written.
        """
        path = self._folder / f"finished-{self._training}"
        with while_doing(f"write {path}"):
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text("The model of this training was written; its checkpoints are left aside.\n")

    def _read(self, content: bytes, path: Path, shapes: Shapes, finished: set[str]) -> Checkpoint:
        if path.stem != f"checkpoint-{_digest(content)}":
            raise _LeftAsideError("it is damaged: its SHA-256 is not the one in its name")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                header = json.loads(str(archive["header"]))
                arrays = [archive[f"array_{number:03}"] for number in range(len(archive.files) - 1)]
            fingerprint, progress = header["fingerprint"], Progress.from_json(header["progress"])
            training = str(header["training"])
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise _LeftAsideError(f"it is no checkpoint of this program ({error})") from error
        differences = _differences(fingerprint, self._fingerprint)
        if differences:
            raise _LeftAsideError(f"it is another training's ({'; '.join(differences)})")
        if [array.shape for array in arrays] != list(shapes):
            raise _LeftAsideError("its variables are shaped otherwise, as another version of Keras would")
        if f"finished-{training}" in finished:
            raise _LeftAsideError("its training is finished: this one starts anew")
        return Checkpoint(progress, arrays, training)


class _LeftAsideError(Exception):
    """Why a checkpoint is not used."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]


def _differences(there: Any, here: Any, name: str = "") -> list[str]:
    """What differs between two fingerprints, one sentence a value."""
    if isinstance(there, dict) and isinstance(here, dict):
        return [
            difference
            for key in sorted({*there, *here})
            for difference in _differences(there.get(key), here.get(key), f"{name}.{key}".lstrip("."))
        ]
    return [] if there == here else [f"{name} is {there!r} there and {here!r} here"]
