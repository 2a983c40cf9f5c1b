"""What SageMaker's API remembers beside executions and packages: pipelines, their versions, requests, tags.

Each resource is a JSON object under a kind and a name. Written by the local SageMaker (pipeline/local/endpoint).
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.errors import StateError
from pipeline.local.state.journal import line_of
from pipeline.local.state.schema import checksum, is_sound
from pipeline.local.state.store import Store
from pipeline.printable import printable

Record = dict[str, Any]
# The kind of what CreateModel made, whose name is the model's.
MODEL = "model"


class Resources:
    """The resources in the state folder. Usable from several threads. What a call writes is on disk then."""

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._journal = store.journal

    def all(self, kind: str) -> dict[str, Record]:
        """The resources of a kind by name, in the order in which they were made.

        Raises:
            StateError: one of them is damaged, or the database fails.
        """
        sql = "SELECT kind, name, record, crc FROM resources WHERE kind = ? ORDER BY number"
        records = {}
        for row in self._database.rows(sql, (kind,)):
            if not is_sound(row):
                raise StateError(
                    f"The {kind} {printable(str(row[1]))} cannot be read from {self._database.path}: its record is "
                    f"not what was written. {self._database.remedy}"
                )
            records[str(row[1])] = json.loads(row[2])
        return records

    def put(self, *resources: tuple[str, str, Record]) -> None:
        """Write resources (kind, name, record), all of them or none; one that is there is replaced.

        Raises:
            StateError: the disk is full, or the database fails.
        """
        rows = [(kind, name, json.dumps(record)) for kind, name, record in resources]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO resources (kind, name, record, crc) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (kind, name) DO UPDATE SET record = excluded.record, crc = excluded.crc",
                [(*row, checksum(*row)) for row in rows],
            )
            self._journal.add(line_of("resource", *row) for row in rows)

    def delete(self, *resources: tuple[str, str]) -> None:
        """Remove resources (kind, name), all of them or none. Raises StateError when the database fails."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM resources WHERE kind = ? AND name = ?", resources)
            self._journal.add(line_of("gone resource", *resource) for resource in resources)
