"""What of an evaluation.json is taken, and that whoever shows it can show all of that."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.analysis.evaluation_reader import (
    DamagedError,
    claims_to_be_evaluation,
    read_evaluation,
    read_object,
    read_registration,
)
from pipeline.cli.result import run_result
from pipeline.study.figures import epoch_rows, result_rows, summary_rows
from pipeline.view.executions import print_execution

Make = Callable[..., Any]

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        "",
        "text",
        "\ud800",
        "\x1b[2J",
        [],
        {},
        [[]],
        -1,
        0,
        1,
        1.5,
        10**400,
        1e308,
        float("inf"),
        [None],
        {"a": 1},
    ]
)


def changed(document: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    other = copy.deepcopy(document)
    change(other)
    return other


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member and element, with what holds it; of a long list the ends."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys)[:40]:
        yield value, key
        yield from places(value[key])


def test_a_whole_evaluation_is_taken(make_evaluation: Make) -> None:
    document = make_evaluation(seeds=2)
    assert read_evaluation(json.dumps(document).encode()) == document


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda one: one["winner"].update(test_accuracy=0.9999), "test_accuracy of its winner is 0.9999"),
        (
            lambda one: (
                one["winner"].update(test_accuracy=0.9999),
                one["candidates"][1].update(test_accuracy=0.9999),
            ),
            "the accuracy of cnn-3x3-0 on test is 0.9999, and by its confusion matrix 0.911",
        ),
        (lambda one: one["winner"].update(id="other-0"), "its winner, other-0, is not one of its candidates"),
        (lambda one: one["candidates"].clear(), "candidates: "),
        (lambda one: one["candidates"].append(one["candidates"][0]), "two of its candidates are the same"),
        (lambda one: one["candidates"][0].pop("history"), "'history' is a required property"),
        (
            lambda one: one["candidates"][0].update(seed=1.0),
            "candidates[0].seed: 1.0 is not of type 'integer'",
        ),
        (lambda one: one["candidates"][0].update(train_loss=None), "candidates[0].train_loss: None"),
        (lambda one: one["class_names"].pop(), "has not 9 rows and columns"),
        (lambda one: one["data"]["splits"]["test"].update(count=1), "on test has 10,000 images"),
        (lambda one: one["gate"].update(verdict="missed"), "its gate is both passed and missed"),
    ],
)
def test_what_contradicts_itself_or_lacks_something_is_refused(
    make_evaluation: Make, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    with pytest.raises(DamagedError) as refused:
        read_evaluation(json.dumps(changed(make_evaluation(), change)).encode())
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "it is nested too deeply"),
        (b'{"a": "\\ud800"}', "it holds half a character"),
        (b'{"a": -Infinity}', "it holds -Infinity"),
        (b"[1]", "it holds a list, not an object"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON"),
    ],
)
def test_what_is_no_object_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(DamagedError, match=problem):
        read_object(content)


def test_only_a_document_with_an_evaluations_keys_claims_to_be_one(make_evaluation: Make) -> None:
    assert claims_to_be_evaluation(json.dumps(make_evaluation() | {"candidates": "damaged"}).encode())
    for content in (b"", b"\xff", b"[]", b'{"gate": {}, "winner": {}}', b"[" * 100_000):
        assert not claims_to_be_evaluation(content)


@pytest.mark.parametrize("registration", [{}, {"version": "3", "reason": "", "model_package_arn": None}])
def test_a_registration_of_another_form_is_refused(registration: dict[str, Any]) -> None:
    with pytest.raises(DamagedError):
        read_registration(json.dumps(registration).encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_taken_can_be_shown(
    make_evaluation: Make, make_record: Make, data: st.DataObject
) -> None:
    document = make_evaluation()
    record = make_record(document)
    for _ in range(data.draw(st.integers(1, 2))):
        spots = list(places(document))
        holder, key = spots[data.draw(st.integers(0, len(spots) - 1))]
        if data.draw(st.booleans()):
            holder[key] = copy.deepcopy(data.draw(ODD))
        else:
            del holder[key]
    try:
        document = read_evaluation(json.dumps(document).encode())
    except DamagedError:
        return
    json.dumps(run_result(record, document, None, Path("report.html")), allow_nan=False)
    print_execution(record, document, None, None, io.StringIO())
    summary_rows(result_rows(document))
    epoch_rows(document)
