import base64
import json
from typing import Any

import numpy as np
import pytest

from captured_lines import (
    CUT_OFF,
    NO_ANSWER,
    NO_IMAGES,
    NO_JSON,
    REPEATED,
    CapturedFile,
    captured_file,
    read_captured,
)

IMAGE = [[0] * 28] * 28
ANSWER = [0.91, *[0.01] * 9]


def line(request: Any, answer: Any, encoding: str = "JSON", when: str = "2026-11-30T02:00:00Z") -> bytes:
    def data(body: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text

    sides = {
        name: {
            "observedContentType": "application/json",
            "mode": mode,
            "data": data(body),
            "encoding": encoding,
        }
        for name, mode, body in (("endpointInput", "INPUT", request), ("endpointOutput", "OUTPUT", answer))
    }
    metadata = {"eventId": "5a0f2f0e-9c4d-4c55-8c0e-6d1f5f0a7b11", "inferenceTime": when}
    document = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def rows(*answers: Any) -> dict[str, Any]:
    return {"predictions": list(answers)}


@pytest.mark.parametrize("encoding", ["JSON", "BASE64"])
@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"instances": [IMAGE]}, rows({"probabilities": ANSWER, "class_id": 0})),
        ({"instances": [{"images": IMAGE}]}, rows(ANSWER)),
        ({"instances": [np.zeros((28, 28, 1), int).tolist()]}, rows(ANSWER)),
        ({"inputs": [IMAGE]}, {"outputs": {"probabilities": [ANSWER], "class_id": [0]}}),
        ({"inputs": {"images": [IMAGE]}}, {"outputs": [ANSWER]}),
    ],
    ids=["rows", "named-rows", "channel", "columns", "named-columns"],
)
def test_all_forms_of_a_request_are_read(request_: Any, answer: Any, encoding: str) -> None:
    found = read_captured([line(request_, answer, encoding)], 10)
    assert not found.losses
    assert found.pixels().shape == (1, 28, 28)
    assert found.probabilities().tolist() == [ANSWER]
    assert (found.first, found.last) == ("2026-11-30T02:00:00Z", "2026-11-30T02:00:00Z")


whole = line({"instances": [IMAGE]}, rows(ANSWER))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (whole[:200], CUT_OFF),
        (b"[]\n", CUT_OFF),
        (b"[" * 100_000 + b"\n", CUT_OFF),
        (b'{"captureData": {"endpointInput": null}}\n', CUT_OFF),
        (line("1,2\n3,4\n", rows(ANSWER)), NO_JSON),
        (line({"instances": [IMAGE]}, {"error": "no"}), NO_ANSWER),
        (line({"instances": [IMAGE]}, rows([0.5, 0.5])), NO_ANSWER),
        (line({"instances": [IMAGE]}, rows(["a"] * 10)), NO_ANSWER),
        (line({"instances": [IMAGE]}, '{"predictions": [[NaN, 1, 0, 0, 0, 0, 0, 0, 0, 0]]}'), NO_ANSWER),
        (line({"instances": [[1, 2]]}, rows(ANSWER)), NO_IMAGES),
        (line({"instances": [[[1], [1, 2]]]}, rows(ANSWER)), NO_IMAGES),
        (line({"instances": np.full((1, 28, 28), 256).tolist()}, rows(ANSWER)), NO_IMAGES),
        (line({"instances": np.full((1, 28, 28), 0.5).tolist()}, rows(ANSWER)), NO_IMAGES),
        (line({"instances": [IMAGE, IMAGE]}, rows(ANSWER)), NO_IMAGES),
        (line([1], rows(ANSWER)), NO_IMAGES),
    ],
    ids=[
        "half", "a-list", "deep", "null", "csv", "an-error", "two-classes", "words", "nan", "no-image", "ragged",
        "256", "fractions", "fewer-answers", "no-object",
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_counted_and_costs_no_other_line(bad: bytes, why: str) -> None:
    found = read_captured([bad if bad.endswith(b"\n") else bad + b"\n" + whole, whole], 10)
    assert found.losses.pop(REPEATED, 0) == (0 if bad.endswith(b"\n") else 1)
    assert dict(found.losses) == {why: 1}
    assert len(found.pixels()) == 1


def test_an_image_that_is_sent_again_counts_once() -> None:
    other = np.ones((28, 28), int).tolist()
    found = read_captured(
        [line({"instances": [IMAGE, other, IMAGE]}, rows(ANSWER, ANSWER, ANSWER)), whole], 10
    )
    assert len(found.pixels()) == 2
    assert dict(found.losses) == {REPEATED: 2}


def test_reading_ends_when_there_are_enough_images() -> None:
    def contents() -> Any:
        yield line(
            {"instances": np.arange(3)[:, None, None].repeat(28, 1).repeat(28, 2).tolist()},
            rows(*[ANSWER] * 3),
        )
        raise AssertionError("no more files are read")

    assert len(read_captured(contents(), 2).pixels()) == 2


def test_no_lines_are_no_images() -> None:
    found = read_captured([b"", b"\n"], 10)
    assert (found.lines, found.pixels().shape, found.probabilities().shape) == (0, (0, 28, 28), (0, 10))


def test_a_path_says_whose_lines_a_file_has() -> None:
    key = "fashion-mnist/capture/model-version-12/fashion-mnist/AllTraffic/2026/11/30/02/a.jsonl"
    assert captured_file(key) == CapturedFile(key, 12, "fashion-mnist", "2026/11/30/02")
    assert captured_file(key.replace("version-12", "version-0")) is None
    assert captured_file(f"{key}.part") is None
