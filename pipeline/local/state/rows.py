"""Executions as rows: the text that is written for a record, and the record that a row is of, if it is sound."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from pipeline.execution import ExecutionRecord, ExecutionStatus, StepRecord, StepStatus
from pipeline.local.state.schema import checksum, is_sound

_NUMBER = (int, float)
_EXECUTION: Mapping[str, tuple[type, ...]] = {
    "execution_id": (str,),
    "pipeline_name": (str,),
    "target": (str,),
    "status": (str,),
    "parameters": (dict,),
    "started_at": _NUMBER,
    "ended_at": (*_NUMBER, type(None)),
    "failure_reason": (str, type(None)),
    "parallel": (int, type(None)),
    "use_cache": (bool,),
    "stand_ins": (dict,),
    "python": (str, type(None)),
    "handlers": (dict,),
    "images": (dict, type(None)),
}
_STEP: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "type": (str,),
    "status": (str,),
    "started_at": (*_NUMBER, type(None)),
    "ended_at": (*_NUMBER, type(None)),
    "cached": (bool,),
    "left_out": (bool,),
    "part_of": (str, type(None)),
    "reused_from": (str, type(None)),
    "attempts": (int,),
    "failure_reason": (str, type(None)),
    "properties": (dict,),
    "launcher": (str, type(None)),
}


class UnsoundError(ValueError):
    """A row is not what was written."""


def to_text(record: ExecutionRecord | StepRecord) -> str:
    """The record as JSON; that of an execution is without its steps. Raises TypeError for what is not JSON."""
    # Not dataclasses.asdict: it copies whole Describe responses, and fails on read-only mappings.
    values = {field.name: getattr(record, field.name) for field in fields(record) if field.name != "steps"}
    return json.dumps(values, default=_plain)


def execution_of(text: object, steps: tuple[StepRecord, ...]) -> ExecutionRecord:
    """The execution that to_text wrote, with these steps. Raises UnsoundError when the text is not one."""
    return ExecutionRecord(**_values(text, _EXECUTION, get_args(ExecutionStatus)), steps=steps)


def step_of(text: object) -> StepRecord:
    """The step that to_text wrote. Raises UnsoundError when the text is not one."""
    return StepRecord(**_values(text, _STEP, get_args(StepStatus)))


def read_numbers(connection: sqlite3.Connection) -> tuple[list[int], str | None]:
    """The numbers of the executions, newest first, as far as the table can be read, and what stops that."""
    fault = None
    found: set[int] = set()
    # From both ends, should a page in the middle be damaged.
    for order in ("DESC", "ASC"):
        try:
            for (number,) in connection.execute(f"SELECT number FROM executions ORDER BY number {order}"):
                found.add(number)
        except sqlite3.DatabaseError as error:
            fault = str(error)
            continue
        break
    return sorted(found, reverse=True), fault


def read_execution(connection: sqlite3.Connection, number: int) -> ExecutionRecord:
    """The execution of that number. Raises UnsoundError or sqlite3.DatabaseError when it cannot be read."""
    sql = "SELECT id, definition, record, crc FROM executions WHERE number = ?"
    rows = connection.execute(sql, (number,)).fetchall()
    if not rows:
        raise UnsoundError("its record is missing")
    execution_id, definition, text, crc = rows[0]
    sql = "SELECT execution, position, record, crc FROM steps WHERE execution = ? ORDER BY position"
    steps = []
    for place, row in enumerate(connection.execute(sql, (execution_id,)).fetchall()):
        if row[1] != place or not is_sound(row):
            raise UnsoundError(f"the record of its step number {place + 1} is not what was written")
        steps.append(step_of(row[2]))
    if crc != checksum(execution_id, definition, text, len(steps)):
        raise UnsoundError("its record is not what was written, or steps are missing")
    return execution_of(text, tuple(steps))


def _values(text: object, form: Mapping[str, tuple[type, ...]], statuses: tuple[str, ...]) -> dict[str, Any]:
    try:
        values = json.loads(str(text))
    except (ValueError, RecursionError):
        raise UnsoundError("it is not the JSON that was written") from None
    if not isinstance(values, dict):
        raise UnsoundError("it is not the JSON object that was written")
    for name, value in values.items():
        if name not in form or not isinstance(value, form[name]):
            raise UnsoundError(f"{name}={value!r} is not what is written there")
    if values.get("status") not in statuses:
        raise UnsoundError(f"status={values.get('status')!r} is not a status")
    return values


def _plain(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"an execution's record can hold JSON values only, not {value!r}")
