"""The folder that `batch` writes to, part by part: what is finished is there for good, and is not done again.

    predictions-00000.jsonl …   a line for each image
    rejected-00000.jsonl …      a line for each that could not be read, with the reason; where there are any
    batch.json                  of what, with which model; the parts that are finished

A part is in batch.json once its files are whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import StateError, UsageError

STATE = "batch.json"


@dataclass
class OutputFolder:
    """The folder for predictions of `origin`: what decides them."""

    path: Path
    origin: Mapping[str, Any]
    parts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, origin: Mapping[str, Any]) -> OutputFolder:
        """Make it, or go on with what is there. Raises UsageError where it holds something else."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            state = path / STATE
            if not state.exists():
                if any(path.iterdir()):
                    raise UsageError(
                        f"Could not write predictions to {path}: it holds something else. Name a new folder."
                    )
                return cls(path, origin)
            found = json.loads(state.read_bytes())
            parts = found.pop("parts")
        except OSError as error:
            raise UsageError(
                f"Could not write predictions to {path}: {error.strerror}. Name another folder."
            ) from None
        except (ValueError, KeyError, AttributeError):
            raise UsageError(f"{path / STATE} is damaged. Name a new folder.") from None
        if found != origin:
            differ = ", ".join(key for key in origin if found.get(key) != origin[key])
            raise UsageError(
                f"{path} holds predictions of something else ({differ or 'other keys'}). Name a new folder."
            )
        return cls(path, origin, parts)

    def has(self, number: int, stamp: str) -> bool:
        """Whether the part of that number is finished, of the images that `stamp` stands for."""
        return number < len(self.parts) and self.parts[number]["stamp"] == stamp

    def write(
        self,
        number: int,
        stamp: str,
        predictions: Iterable[Mapping[str, Any]],
        rejected: Iterable[tuple[str, str]],
    ) -> None:
        """Finish a part: all of it or nothing. Raises StateError when the disk does not take it."""
        reasons = [{"image": image, "reason": reason} for image, reason in rejected]
        count = self._write_lines(f"predictions-{number:05d}.jsonl", predictions)
        file = f"rejected-{number:05d}.jsonl"
        if reasons:
            self._write_lines(file, reasons)
        else:
            self._remove(file)
        part = {"stamp": stamp, "images": count, "rejected": len(reasons)}
        self.parts[number : number + 1] = [part]
        self._save()

    def end(self, count: int) -> None:
        """There are so many parts: those of an earlier, larger input go."""
        for number in range(count, len(self.parts)):
            for kind in ("predictions", "rejected"):
                self._remove(f"{kind}-{number:05d}.jsonl")
        if len(self.parts) > count:
            del self.parts[count:]
            self._save()

    def _save(self) -> None:
        document = {**self.origin, "parts": self.parts}
        self._replace(STATE, (json.dumps(document, indent=1) + "\n",))

    def _write_lines(self, name: str, lines: Iterable[Mapping[str, Any]]) -> int:
        encode = json.JSONEncoder().encode
        count = 0

        def counted() -> Iterable[str]:
            nonlocal count
            for count, line in enumerate(lines, 1):  # noqa: B007
                yield encode(line) + "\n"

        self._replace(name, counted())
        return count

    def _replace(self, name: str, pieces: Iterable[str]) -> None:
        partial = self.path / f".{name}.part"
        try:
            try:
                with partial.open("w", encoding="utf-8") as file:
                    file.writelines(pieces)
                partial.replace(self.path / name)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StateError(
                f"Could not write {self.path / name}: {error.strerror}. Fix that and run the same command again: "
                "what is finished is kept."
            ) from error

    def _remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)
