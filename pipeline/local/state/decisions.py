"""What was decided about each job, to run it or to reuse an earlier result, and what its cache key was made of.

The cache compares digests (cache.py). Here the documents that they are of are kept, each once, and for every step
of every execution which one it had and what followed from it: so that `explain` can say later what had changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from pipeline.local.state import clock
from pipeline.local.state.journal import line_of
from pipeline.local.state.schema import checksum, is_sound
from pipeline.local.state.store import Store

Verdict = Literal[
    # An earlier execution's result serves; `detail` is its id.
    "reused",
    # Killed between the job's end and the step's: the job of this execution is the result.
    "finished before",
    # It ran: the step's CacheConfig is off or missing, or the command said --no-cache.
    "caching is off",
    "no cache wanted",
    # It ran: no result has its key; or the one that has cannot be used, for the reason in `detail`.
    "no result",
    "damaged",
    "expired",
    "changed on disk",
]
VERDICTS: Final[frozenset[str]] = frozenset(get_args(Verdict))


@dataclass(frozen=True)
class Decision:
    """What was decided at `decided_at` (epoch) about a step's job, whose cache key was `key`."""

    decided_at: float
    key: str
    verdict: Verdict
    detail: str | None = None


class Decisions:
    """The decisions that the state folder remembers. Usable from several threads."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._journal = store.journal

    def note(
        self, execution_id: str, step: str, document: str, verdict: Verdict, detail: str | None = None
    ) -> None:
        """Remember what was decided, in place of what was for an earlier attempt of the same step.

        Raises StateError when the file fails.
        """
        key = digest_of_key(document)
        row = (execution_id, step, clock.now(), key, verdict, detail)
        lines = [line_of("decision", *row)]
        with self._database.transaction() as connection:
            if connection.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, document)).rowcount:
                lines.insert(0, line_of("key", key, document))
            connection.execute(
                "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, checksum(*row))
            )
            self._journal.add(lines)

    def find(self, execution_id: str, step: str) -> Decision | None:
        """What was decided about the step; None when that is not known. Raises StateError when the file fails."""
        rows = self._database.rows(
            "SELECT execution, step, decided_at, key, verdict, detail, crc FROM decisions "
            "WHERE execution = ? AND step = ?",
            (execution_id, step),
        )
        if not rows or not is_sound(rows[0]) or rows[0][4] not in VERDICTS:
            return None
        return Decision(*rows[0][2:6])

    def document(self, key: str) -> str | None:
        """What the key is the digest of; None when that is not known. Raises StateError when the file fails."""
        rows = self._database.rows("SELECT key, document FROM keys WHERE key = ?", (key,))
        return str(rows[0][1]) if rows and is_key_row(rows[0]) else None


def digest_of_key(document: str) -> str:
    """The cache key that is made of this document: its SHA-256 in hex."""
    return hashlib.sha256(document.encode()).hexdigest()


def is_key_row(row: Sequence[Any]) -> bool:
    """Whether `row` is a key and the document that it is the digest of."""
    key, document = row
    return isinstance(document, str) and digest_of_key(document) == key
