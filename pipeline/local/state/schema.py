"""The tables of the state database: what leads from each version to the next, and whether a file has them."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from functools import lru_cache

# The version of a file is how many of these it has had. `crc` is the checksum() of the columns before it, in
# executions also of the number of steps: SQLite notices damage to its own structures alone, and not all of it.
_UPGRADES = (
    """
CREATE TABLE definitions (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE executions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of starting, whatever the clock did
  id TEXT NOT NULL UNIQUE,
  definition TEXT NOT NULL REFERENCES definitions (sha256),
  record TEXT NOT NULL                       -- JSON of ExecutionRecord without its steps
);
CREATE TABLE steps (
  execution TEXT NOT NULL REFERENCES executions (id),
  position INTEGER NOT NULL,
  record TEXT NOT NULL,                      -- JSON of StepRecord
  PRIMARY KEY (execution, position)
) WITHOUT ROWID;
CREATE TABLE objects (
  bucket TEXT NOT NULL, key TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE package_groups (name TEXT PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE packages (number INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
""",
    """
CREATE TABLE cache (                         -- the latest result of every job, by what decided it (cache.py)
  key TEXT PRIMARY KEY,
  execution TEXT NOT NULL,
  recorded_at REAL NOT NULL,
  properties TEXT NOT NULL,                  -- JSON of its Describe response
  outputs TEXT NOT NULL                      -- JSON of [bucket, key, sha256, size] of every object it wrote
) WITHOUT ROWID;
CREATE TABLE compiled (                      -- definitions of this project, by what they were compiled from
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  inputs TEXT NOT NULL UNIQUE,
  text TEXT NOT NULL,
  code TEXT NOT NULL                         -- JSON of [bucket, key, sha256, size] of the code that it names
);
""",
    """
ALTER TABLE objects ADD COLUMN etag TEXT;
ALTER TABLE objects ADD COLUMN modified REAL NOT NULL DEFAULT 0;
-- JSON of what else S3 tells of it: metadata, tags (stored_key.py)
ALTER TABLE objects ADD COLUMN details TEXT;
CREATE TABLE buckets (
  name TEXT PRIMARY KEY,
  versioning TEXT                            -- as GetBucketVersioning tells it
) WITHOUT ROWID;
INSERT INTO buckets (name) SELECT DISTINCT bucket FROM objects;
""",
    """
ALTER TABLE executions ADD COLUMN crc INTEGER;
UPDATE executions SET crc = checksum(id, definition, record, (SELECT COUNT(*) FROM steps WHERE execution = id));
ALTER TABLE steps ADD COLUMN crc INTEGER;
UPDATE steps SET crc = checksum(execution, position, record);
ALTER TABLE package_groups ADD COLUMN crc INTEGER;
UPDATE package_groups SET crc = checksum(name, record);
ALTER TABLE packages ADD COLUMN crc INTEGER;
UPDATE packages SET crc = checksum(arn, record);
ALTER TABLE cache ADD COLUMN crc INTEGER;
UPDATE cache SET crc = checksum(key, execution, recorded_at, properties, outputs);
ALTER TABLE compiled ADD COLUMN crc INTEGER;
UPDATE compiled SET crc = checksum(inputs, text, code);
""",
    """
CREATE TABLE keys (                          -- what the keys of `cache` and `decisions` are the SHA-256 of
  key TEXT PRIMARY KEY,
  document TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE decisions (                     -- why a step's job ran or was not run, the latest (decisions.py)
  execution TEXT NOT NULL,
  step TEXT NOT NULL,
  decided_at REAL NOT NULL,
  key TEXT NOT NULL,
  verdict TEXT NOT NULL,
  detail TEXT,
  crc INTEGER,
  PRIMARY KEY (execution, step)
) WITHOUT ROWID;
""",
    """
CREATE TABLE resources (                     -- what SageMaker's API remembers beside the rest (resources.py)
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  record TEXT NOT NULL,                      -- JSON
  crc INTEGER,
  UNIQUE (kind, name)
);
""",
)
SCHEMA_VERSION = len(_UPGRADES)


def checksum(*values: object) -> int:
    """The CRC-32 of a row's values (texts, numbers or None)."""
    return zlib.crc32(json.dumps(values, default=repr).encode())


def teach_checksum(connection: sqlite3.Connection) -> None:
    """Make checksum() a function of SQL."""
    connection.create_function("checksum", -1, checksum, deterministic=True)


def is_sound(row: tuple[object, ...]) -> bool:
    """Whether the last value of a row, its crc, is that of the values before it."""
    return row[-1] == checksum(*row[:-1])


def upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables of a file of that version up to date; within a transaction, with checksum() known to SQL."""
    for script in _UPGRADES[version:]:
        for statement in script.split(";\n"):
            connection.execute(statement)


def tables_of(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """The columns of each table. Raises sqlite3.DatabaseError when the file does not say."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    names = [str(name) for (name,) in rows.fetchall()]
    sql = "SELECT name FROM pragma_table_info(?)"
    return {name: tuple(str(column) for (column,) in connection.execute(sql, (name,))) for name in names}


def view_as_new(connection: sqlite3.Connection) -> None:
    """Let queries for this version read the tables of an older one, which is damaged and so is not upgraded."""
    teach_checksum(connection)
    for table, columns in tables_of(connection).items():
        checked = ", ".join(column for column in columns if column != "number")
        if table == "executions":
            checked += ", (SELECT COUNT(*) FROM main.steps WHERE execution = id)"
        instead = {"crc": f"checksum({checked})", "modified": "0"}
        new = [name for name in tables_of_version(SCHEMA_VERSION).get(table, ()) if name not in columns]
        if new:
            more = ", ".join(f"{instead.get(name, 'NULL')} AS {name}" for name in new)
            connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {more} FROM main.{table}")


@lru_cache
def tables_of_version(version: int) -> dict[str, tuple[str, ...]]:
    """The columns of each table that a sound file of that version has."""
    with closing(sqlite3.connect(":memory:")) as connection:
        teach_checksum(connection)
        for script in _UPGRADES[:version]:
            connection.executescript(script)
        return tables_of(connection)
