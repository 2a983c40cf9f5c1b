"""What the database says, once more, in files that only grow: from these it can be put together again.

Each line is the CRC-32 of a JSON text, in hexadecimal, and that text: so a damaged or half-written line is known.
The journal of a state folder has its objects, results for the cache and registered models; each execution's own, in
its folder, has that execution, beside its definition.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.local.state.state_dir import Home

NAME = "journal.jsonl"
DEFINITION = "definition.json"


class Journal:
    """A file of lines, written by one process at a time, within the transaction that writes to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting = ""

    def add(self, texts: Iterable[str]) -> None:
        """Append a line for each of the JSON texts, and make the folder.

        What a full disk does not take waits for the next call: the database is what counts, and says so itself.
        """
        self._waiting += "".join(f"{zlib.crc32(text.encode()):08x} {text}\n" for text in texts)
        if not self._waiting:
            return
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                # A half line of a process that was killed, or of a full disk, must not spoil this one.
                broken = file.tell() > 0 and not _ends_with_newline(self.path)
                file.write(("\n" if broken else "").encode() + self._waiting.encode())
            self._waiting = ""

    @property
    def is_written(self) -> bool:
        """Whether the file has all that was added: nothing waits."""
        return not self._waiting

    def read(self, faults: list[str]) -> Iterator[Any]:
        """The values of the lines that are sound; a sentence for each that is not is added to `faults`."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            faults.append(f"{self.path} cannot be read: {error.strerror}.")
            return
        for number, line in enumerate(content.split(b"\n"), start=1):
            if not line:
                continue
            crc, _, text = line.partition(b" ")
            try:
                if int(crc, 16) != zlib.crc32(text):
                    raise ValueError
                value = json.loads(text)
            except ValueError:
                faults.append(f"{self.path}: line {number} is damaged, and is left out.")
                continue
            yield value


def journal_of(home: Home) -> Journal:
    """The journal of what belongs to no one execution."""
    return Journal(home.root / NAME)


def journal_of_execution(home: Home, execution_id: str) -> Journal:
    """The journal of an execution, in its folder."""
    return Journal(home.execution(execution_id) / NAME)


def lines_of_execution(number: int, text: str, count: int, steps: Iterable[tuple[int, str]]) -> list[str]:
    """The lines for an execution's record (JSON), which has `count` steps, and for those of `steps` by position."""
    head = f'{{"number":{number},"execution":{text},"steps":{count}}}'
    return [head, *(f'{{"step":{position},"record":{step}}}' for position, step in steps)]


def line_of(kind: str, *values: object) -> str:
    """The line for a row of the database's tables: "object", "forgotten", "cache", "key", "group", …"""
    return json.dumps([kind, *values], separators=(",", ":"))


def keep_definition(journal: Journal, text: str) -> None:
    """Write the definition beside an execution's journal, unless it is there; a full disk may keep it from that."""
    file = journal.path.with_name(DEFINITION)
    if file.exists():
        return
    partial = file.with_name(f"{DEFINITION}.unfinished")
    with suppress(OSError):
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
