"""Checkpoints: one file that a training goes on from, if it is its own.

A checkpoint is `checkpoint-<digest>.npz`: the digest in the name is the start of the file's SHA-256, so a damaged
file gives itself away. It is written under another name and then renamed: there is never half of one. Inside is a
fingerprint of what decides the weights (hyperparameters, data, code); a training takes up nothing else's work.
What cannot be read is set aside as `set-aside-…`, said on the log, and never ends a training: it starts anew.

Checkpoints outlive the training that made them, also in S3, where nothing deletes them. A training that ends marks
its own as done with, `finished-<its id>`: the next one with the same fingerprint starts anew, instead of finding
itself at the end.
"""

import filecmp
import hashlib
import io
import json
import os
import uuid
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
        # This training's checkpoints in the folder: those that the next one replaces.
        self._own: set[Path] = set()

    def save(self, progress: Progress, arrays: Arrays) -> Path:
        """Write a checkpoint, then remove this training's older ones. Returns its path.

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
            for other in self._own - {path}:
                other.unlink(missing_ok=True)
        self._own = {path}
        return path

    def load(self, shapes: Shapes) -> Checkpoint | None:
        """The furthest checkpoint of this very training whose arrays have `shapes`, or None.

        Says on the log why a file is left aside. What is saved from now on belongs to the training that is gone on
        with.
        """
        found = []
        finished = {path.name for path in self._folder.glob("finished-*")}
        for path in sorted(self._folder.glob("checkpoint-*.npz")):
            try:
                header, arrays = _read(path)
                self._check(header, arrays, shapes, finished)
            except _DamagedError as reason:
                print(f"Not continuing from {path}: {reason}.{_set_aside(path)}", flush=True)
            except _LeftAsideError as reason:
                print(f"Not continuing from {path}: {reason}.", flush=True)
            else:
                found.append(Checkpoint(header.progress, arrays, header.training))
                self._own.add(path)
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

    def _check(self, header: "_Header", arrays: Arrays, shapes: Shapes, finished: set[str]) -> None:
        """Raises _LeftAsideError for a whole checkpoint that this training does not go on from."""
        differences = _differences(header.fingerprint, self._fingerprint)
        if differences:
            raise _LeftAsideError(f"it is another training's ({'; '.join(differences)})")
        if [array.shape for array in arrays] != list(shapes):
            raise _LeftAsideError("its variables have other shapes, as with another version of Keras")
        if f"finished-{header.training}" in finished:
            raise _LeftAsideError("its training is finished: this one starts anew")


@dataclass(frozen=True)
class _Header:
    """What a checkpoint says of itself, beside its arrays."""

    fingerprint: Any
    progress: Progress
    training: str


def _read(path: Path) -> tuple[_Header, Arrays]:
    """What is in the file. Raises _DamagedError for whatever cannot be read, however it is damaged."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _DamagedError(f"it cannot be read ({error.strerror or error})") from error
    if path.stem != f"checkpoint-{_digest(content)}":
        raise _DamagedError("it is damaged: its SHA-256 is not the one in its name")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            arrays = [archive[f"array_{number:03}"] for number in range(len(archive.files) - 1)]
        read = _Header(header["fingerprint"], Progress.from_json(header["progress"]), str(header["training"]))
        sound = all(array.dtype.kind in "biu" or bool(np.isfinite(array).all()) for array in arrays)
    # Damaged archives raise whatever their readers happen to trip over: zlib.error, TokenError, RecursionError, …
    except Exception as error:
        raise _DamagedError(f"it is not a checkpoint of this program ({error})") from error
    if not sound:
        raise _DamagedError("it holds numbers that are not finite")
    return read, arrays


def _set_aside(path: Path) -> str:
    """Keep what cannot be read under a name that no training looks for; returns what to say of it."""
    if path.is_dir():  # left alone: nothing of it is in the way
        return ""
    kept = path.with_name(f"set-aside-{path.name}")
    number = 1
    try:
        # In S3 it keeps its first name too, and comes back with every attempt: one copy of it is enough.
        while kept.exists() and not (kept.is_file() and filecmp.cmp(path, kept, shallow=False)):
            number += 1
            kept = path.with_name(f"set-aside-{number}-{path.name}")
        path.replace(kept)
    except OSError as error:
        return f" It stays there, for it could not be renamed: {error.strerror or error}."
    return f" It is kept as {kept.name}."


class _LeftAsideError(Exception):
    """Why a checkpoint is not used."""


class _DamagedError(_LeftAsideError):
    """Why nobody can use a checkpoint."""


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
