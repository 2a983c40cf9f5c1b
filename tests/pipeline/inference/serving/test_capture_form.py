"""Captured lines have SageMaker's form, and their files lie where SageMaker puts them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.inference.serving.capture_form import Captured, Exchange, captured_of, destination, file_path

GOLDEN = Path(__file__).parent / "captured.golden.jsonl"
EVENT = "5a0f2f0e-9c4d-4c55-8c0e-6d1f5f0a7b11"
WHEN = datetime(2026, 11, 30, 2, 0, 0, 123456, tzinfo=UTC)


def exchange(
    request: bytes, kind: str = "application/json", answer: bytes = b'{"predictions": []}'
) -> Exchange:
    return Exchange(EVENT, WHEN, request, kind, answer, "application/json")


def test_lines_are_those_of_the_golden_file() -> None:
    image = json.dumps({"instances": [[[0] * 28] * 28]}).encode()
    probabilities = [0.91, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]
    answer = json.dumps({"predictions": [{"probabilities": probabilities, "class_id": 0}]}, indent=4).encode()
    lines = [
        exchange(image, answer=answer),
        exchange(b"1,2\n3,4\n", "text/csv"),
        exchange(b"\xff\x00", "application/x-image"),
    ]
    assert b"".join(each.line() for each in lines) == GOLDEN.read_bytes()


def test_a_charset_is_kept_and_changes_no_encoding_but_what_is_no_text_is_kept_whole() -> None:
    side = json.loads(exchange(b"[1]", "application/json; charset=utf-8").line())["captureData"][
        "endpointInput"
    ]
    assert (side["observedContentType"], side["encoding"]) == ("application/json; charset=utf-8", "JSON")
    side = json.loads(exchange(b"[\xff]").line())["captureData"]["endpointInput"]
    assert (side["encoding"], side["data"]) == ("BASE64", "W/9d")


def test_a_file_lies_in_its_hour_and_says_whose_lines_it_has() -> None:
    path = file_path("local-fashion-mnist", "AllTraffic", WHEN, EVENT)
    assert path == f"local-fashion-mnist/AllTraffic/2026/11/30/02/00-00-123-{EVENT}.jsonl"
    for place in ("captured", "s3://bucket/capture/"):
        assert captured_of(f"{destination(place, 12)}/{path}") == Captured(
            12, "local-fashion-mnist", "AllTraffic"
        )


@pytest.mark.parametrize(
    "path",
    [
        "endpoint/AllTraffic/2026/11/30/02/a.jsonl",
        "model-version-0/endpoint/AllTraffic/2026/11/30/02/a.jsonl",
        "model-version-x/endpoint/AllTraffic/2026/11/30/02/a.jsonl",
        "model-version-1/endpoint/AllTraffic/2026/11/30/a.jsonl",
        "model-version-1/endpoint/AllTraffic/2026/11/30/02/a.jsonl.part",
    ],
)
def test_other_files_are_none_of_captured_lines(path: str) -> None:
    assert captured_of(path) is None
