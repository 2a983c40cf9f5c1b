"""Frees space in the state folder: old executions, and what they wrote that nothing else refers to.

What stays: the newest executions and any that is under way; every registered model with all that it names; what
the results are that a remaining execution reused; all that lies in S3 under a name of its own (uploads, code, what
jobs wrote to fixed addresses).
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord
from pipeline.local.state.ending import is_under_way
from pipeline.local.state.journal import NAME, Journal, line_of
from pipeline.local.state.objects import StoredObject, is_object_row
from pipeline.local.state.rebuilding import journal_lines
from pipeline.local.state.removing import remove_tree
from pipeline.local.state.state_dir import Home, scratch_name
from pipeline.local.state.store import Store
from pipeline.spec.definition import Json

_LONGEST_ADDRESS = 1100  # a key has up to 1,024 bytes, a bucket's name 63
# What may stand behind an address in a text. It may stand in a key, too: then both readings count.
_AFTER_ADDRESS = re.compile(r"""[\s"',;)\]}>]|$""")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Plan:
    """What pruning removes: executions (newest first), objects of theirs, and files with contents nobody has.

    `freed` is in bytes, as the disk will say.
    """

    executions: tuple[ExecutionRecord, ...]
    objects: tuple[StoredObject, ...]
    contents: tuple[Path, ...]
    freed: int


def plan(home: Home, store: Store, keep: int, unreadable: Callable[[str], None]) -> Plan:
    """What there is to remove when the newest `keep` executions stay; for who holds the state folder alone.

    An execution whose record is damaged stays, and `unreadable` is told of it.

    Raises:
        StateError: the database fails.
    """
    records = store.executions(unreadable)
    removed = [record for record in records[keep:] if not is_under_way(record)]
    gone = {record.execution_id for record in removed}
    stay = _addresses_that_stay(store, gone)
    # An earlier call left what executions that stayed then had reused.
    sql = "SELECT DISTINCT execution FROM cache WHERE execution NOT IN (SELECT id FROM executions)"
    ids = gone | {str(execution_id) for (execution_id,) in store.database.rows(sql)}
    rows = store.database.rows("SELECT bucket, key, sha256, size FROM objects")
    stored = [StoredObject(*row) for row in rows if is_object_row(row)]
    objects = [each for each in stored if _is_of(each, ids) and not _is_named(each, ids, stay)]
    listed = set(objects)
    needed = {each.sha256 for each in stored if each not in listed} | {
        str(row[2]) for row in rows if not is_object_row(row)
    }
    contents = [path for path in _contents(home) if path.name not in needed]
    files = [file for each in gone for file in _files(home.execution(each))]
    return Plan(tuple(removed), tuple(objects), tuple(contents), _freed([*contents, *files]))


def carry_out(home: Home, store: Store, planned: Plan) -> list[Path]:
    """Remove what `plan` found. Killed in between, it leaves a sound state, which the next call goes on with.

    Returns the files that could not be removed, such as another user's, where they lie now; nothing refers to them.

    Raises:
        StateError: the database fails, or a folder cannot be moved: no execution was removed.
    """
    gone = [record.execution_id for record in planned.executions]
    # First out of sight: a folder without its row would be taken for an execution by `rebuild`. Beside where they
    # lie, which may be another disk than that of other temporary files.
    aside = home.executions / scratch_name(f"pruned-{secrets.token_hex(4)}")
    moved: list[str] = []
    left: list[Path] = []
    try:
        for execution_id in gone:
            if home.execution(execution_id).is_dir():
                aside.mkdir(exist_ok=True)
                home.execution(execution_id).rename(aside / execution_id)
                moved.append(execution_id)
        _remove_rows(store, gone, planned.objects)
    except (OSError, StateError) as error:
        for execution_id in moved:
            with suppress(OSError):
                (aside / execution_id).rename(home.execution(execution_id))
        with suppress(OSError):  # What could not be put back is not removed.
            aside.rmdir()
        if isinstance(error, StateError):
            raise
        raise StateError(
            f"Could not remove {error.filename or home.root}: {error.strerror}. No execution was removed. Correct "
            "that, and run prune again."
        ) from error
    remove_tree(aside)
    if aside.exists():
        left += list(_files(aside)) or [aside]
    for path in planned.contents:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            left.append(path)
    with suppress(OSError):  # It may stay as long as it was.
        _shorten_journal(home, store)
    return left


def freed_without(planned: Plan, left: Iterable[Path]) -> int:
    """What the plan has freed in bytes, when the files `left` are still there."""
    return max(0, planned.freed - _freed(left))


def _remove_rows(store: Store, gone: Collection[str], objects: Iterable[StoredObject]) -> None:
    """Take executions and objects out of the database, with results and decisions that no other execution has."""
    with store.database.transaction() as connection:
        ids = [(execution_id,) for execution_id in gone]
        connection.executemany("DELETE FROM steps WHERE execution = ?", ids)
        connection.executemany("DELETE FROM executions WHERE id = ?", ids)
        connection.executemany("DELETE FROM decisions WHERE execution = ?", ids)
        connection.execute("DELETE FROM definitions WHERE sha256 NOT IN (SELECT definition FROM executions)")
        connection.execute(
            "DELETE FROM cache WHERE execution NOT IN (SELECT id FROM executions)"
            " AND key NOT IN (SELECT key FROM decisions)"
        )
        connection.execute(
            "DELETE FROM keys WHERE key NOT IN (SELECT key FROM cache UNION SELECT key FROM decisions)"
        )
        connection.executemany(
            "DELETE FROM objects WHERE bucket = ? AND key = ?", [(each.bucket, each.key) for each in objects]
        )
        store.journal.add(line_of("forgotten", each.bucket, each.key) for each in objects)


def _shorten_journal(home: Home, store: Store) -> None:
    """Write the journal anew from the database: it names only what is still there, and had only grown.

    Where the disk has no room for it, the old one stays: what it names beyond that is found to be gone when used.
    """
    new = Journal(home.scratch(NAME))
    try:
        new.add(journal_lines(store))
        if new.is_written and new.path.exists():
            new.path.replace(store.journal.path)
    finally:
        new.path.unlink(missing_ok=True)


def _addresses_that_stay(store: Store, gone: Collection[str]) -> set[str]:
    """The s3:// addresses that executions which stay, models and other resources name.

    Of an execution also those that stand in its definition alone: `resume` reads them. A damaged record names what
    can be read of it.
    """
    goes = "(SELECT value FROM json_each(?))"
    going = (json.dumps(sorted(gone)),)
    addresses: set[str] = set()
    for sql, values in (
        (f"SELECT record FROM executions WHERE id NOT IN {goes}", going),
        (f"SELECT record FROM steps WHERE execution NOT IN {goes}", going),
        (
            "SELECT text FROM definitions WHERE sha256 IN"
            f" (SELECT definition FROM executions WHERE id NOT IN {goes})",
            going,
        ),
        *((f"SELECT record FROM {table}", ()) for table in ("package_groups", "packages", "resources")),
    ):
        for (text,) in store.database.rows(sql, values):
            addresses.update(_addresses_in(str(text)))
    kept_results = (
        "SELECT execution, properties, outputs FROM cache WHERE key IN (SELECT key FROM decisions"
        f" WHERE execution NOT IN {goes})"
    )
    for _, properties, outputs in store.database.rows(kept_results, going):
        addresses.update(_addresses_in(str(properties)))
        addresses.update(f"s3://{bucket}/{key}" for bucket, key, *_ in json.loads(outputs))
    return addresses


def _addresses_in(value: Json) -> Iterator[str]:
    """What may be an s3:// address in a JSON value, or in a text that is JSON itself or has one in it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _addresses_in(key)
            yield from _addresses_in(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from _addresses_in(each)
    elif isinstance(value, str) and "s3://" in value:
        if value[0] in '{["':
            with suppress(ValueError, RecursionError):
                yield from _addresses_in(json.loads(value))
                return
        for found in re.finditer("s3://", value):
            text = value[found.start() : found.start() + _LONGEST_ADDRESS]
            yield from (text[: end.start()].rstrip("/") for end in _AFTER_ADDRESS.finditer(text))


def _is_of(stored: StoredObject, gone: Collection[str]) -> bool:
    """Whether an object lies under the id of an execution that goes."""
    return any(part in gone for part in stored.key.split("/")[:-1])


def _is_named(stored: StoredObject, gone: Collection[str], stay: Collection[str]) -> bool:
    """Whether an address that stays is the object's, or that of a folder it lies in, from its execution's down.

    A folder above that, as of all executions, names none of them.
    """
    parts = stored.uri.split("/")
    first = next(number for number, part in enumerate(parts) if number > 2 and part in gone) + 1
    return any("/".join(parts[:end]) in stay for end in range(first, len(parts) + 1))


def _contents(home: Home) -> Iterator[Path]:
    """The files with the contents of objects: those alone have such names."""
    for folder in sorted(home.objects.iterdir()):
        if folder.is_dir() and not folder.is_symlink():
            for path in sorted(folder.iterdir()):
                if (
                    _SHA256.fullmatch(path.name)
                    and path.name.startswith(folder.name)
                    and not path.is_symlink()
                ):
                    yield path


def _files(folder: Path) -> Iterator[Path]:
    """All that is no folder below `folder`; os.walk calls itself, and a job may have left a thousand levels."""
    folders = [folder]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    folders.append(Path(each.path))
                else:
                    yield Path(each.path)


def _freed(paths: Iterable[Path]) -> int:
    """What removing these files frees: a file with other names that stay frees nothing."""
    links: Counter[tuple[int, int]] = Counter()
    known: dict[tuple[int, int], os.stat_result] = {}
    for path in paths:
        try:
            status = path.lstat()
        except OSError:  # A path that the system finds too long, or what has gone.
            continue
        links[status.st_dev, status.st_ino] += 1
        known[status.st_dev, status.st_ino] = status
    return sum(status.st_blocks * 512 for file, status in known.items() if links[file] >= status.st_nlink)
