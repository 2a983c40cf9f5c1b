"""What is written of a record reads back, and what is not what was written is refused with what is wrong."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.state import rows
from pipeline.local.state.rows import UnsoundError, execution_of, step_of, to_text
from tests.pipeline.local.kept_state import execution


def test_every_field_of_a_record_has_a_form() -> None:
    assert {field.name for field in fields(ExecutionRecord)} - {"steps"} == set(rows._EXECUTION)
    assert {field.name for field in fields(StepRecord)} == set(rows._STEP)


def test_a_record_with_every_field_set_reads_back() -> None:
    record = replace(execution(1), parallel=2, use_cache=False)
    assert execution_of(to_text(record), record.steps) == record
    step = replace(
        record.steps[0], reused_from="abc", cached=True, attempts=3, failure_reason="why", launcher="x"
    )
    assert step_of(to_text(step)) == step


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "Executin"}, "status='Executin' is not a status"),
        ({"attempts": "1"}, "attempts='1' is not what is written there"),
        ({"naze": "x"}, "naze='x' is not what is written there"),
        ({"properties": []}, r"properties=\[\] is not"),
    ],
)
def test_what_is_not_a_step_is_refused(change: dict[str, object], said: str) -> None:
    values = json.loads(to_text(execution(1).steps[0])) | change
    with pytest.raises(UnsoundError, match=said):
        step_of(json.dumps(values))


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, None])
def test_what_is_no_json_object_is_refused(text: object) -> None:
    with pytest.raises(UnsoundError):
        step_of(text)
