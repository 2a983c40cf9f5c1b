"""Requests, answers and the output folder, with a model in Python: what is finished is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import StateError, UsageError
from pipeline.inference.batch.answers import AnswersError
from pipeline.inference.batch.images import Image
from pipeline.inference.batch.output import OutputFolder
from pipeline.inference.batch.requests import Requests, records, write_requests
from pipeline.inference.batch.scoring import Model, Progress, score
from pipeline.inference.predicting.picture import ImageError, Pixels
from pipeline.inference.predicting.saved_model import Signature, Tensor
from pipeline.inference.serving.container_rules import JSON_LINES, converted
from pipeline.inference.serving.rest_format import parse_request

CLASSES = ("dark", "light")
ORIGIN = {"input": "here", "model_package_arn": "arn:1"}
SIGNATURES = {
    "serving_default": Signature(
        {"images": Tensor("uint8", (None, 28, 28))}, {"probabilities": Tensor("float32", None)}
    )
}


def pixels_of(number: int) -> Pixels:
    return np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)


def fail(number: int) -> Pixels:
    raise ImageError(f"{number} is no image.")


def images(count: int, bad: tuple[int, ...] = (), stamp: str = "") -> Iterator[Image]:
    for number in range(count):
        yield Image(f"i{number}", stamp, partial(fail if number in bad else pixels_of, number))


class Python:
    """Answers as TensorFlow Serving does, some records at a time; `fails` at the execution of that number."""

    def __init__(self, fails: int | None = None) -> None:
        self.fails, self.executions, self.forgotten = fails, 0, 0
        self.answered: list[int] = []

    def answers(self, requests: Requests) -> Mapping[str, Path] | None:
        if self.executions == self.fails:
            return None
        self.executions += 1
        found = {}
        for path in requests.files:
            lines = path.read_bytes().splitlines(keepends=True)
            made = b""
            for start in range(0, len(lines), 3):
                body = converted(b"".join(lines[start : start + 3]), JSON_LINES)
                pixels = parse_request(body, SIGNATURES).inputs["images"]
                light = pixels.mean(axis=(1, 2)) / 255
                answer = [{"probabilities": [1 - each, each], "class_id": int(each > 0.5)} for each in light]
                made += json.dumps({"predictions": answer}).encode() + b"\n"
            self.answered.append(len(lines))
            target = path.with_name(f"{path.name}.out")
            target.write_bytes(made)
            found[target.name] = target
        return found

    def forget(self, requests: Requests) -> None:
        self.forgotten += 1


def run(tmp_path: Path, found: Iterator[Image], scorer: Python, part: int = 4) -> Progress | None:
    output = OutputFolder.open(tmp_path / "out", ORIGIN)
    return score(found, output, scorer, Model(CLASSES, 3), tmp_path / "scratch", lambda _: None, part)


def lines(tmp_path: Path, kind: str) -> list[dict[str, object]]:
    files = sorted((tmp_path / "out").glob(f"{kind}-*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_records_are_the_pixels_whatever_their_number_of_digits() -> None:
    pixels = np.stack([pixels_of(0), np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    found = records(pixels)
    assert b" " not in found
    assert [json.loads(line) for line in found.splitlines()] == [{"images": each} for each in pixels.tolist()]


@pytest.mark.parametrize("count", [1, 2])
def test_the_container_takes_one_record_for_one_image(count: int) -> None:
    pixels = np.stack([pixels_of(number) for number in range(count)])
    request = parse_request(converted(records(pixels), JSON_LINES), SIGNATURES)
    assert (request.inputs["images"] == pixels).all()


def test_requests_are_in_files_of_a_limited_size_addressed_by_their_content(tmp_path: Path) -> None:
    requests = write_requests(images(1201, bad=(3,)), tmp_path, most=600)
    assert [len(names) for names in requests.names] == [600, 600]
    assert requests.rejected == [("i3", "3 is no image.")]
    assert requests.count == 1200
    content = b"".join(path.read_bytes() for path in requests.files)
    assert requests.digest == hashlib.sha256(content).hexdigest()
    assert content.count(b"\n") == 1200


def test_every_image_has_a_line_and_a_bad_one_costs_no_other(tmp_path: Path) -> None:
    scorer = Python()
    progress = run(tmp_path, images(10, bad=(1, 9)), scorer)
    assert progress == Progress(scored=8, rejected=2)
    found = lines(tmp_path, "predictions")
    good = [number for number in range(10) if number not in (1, 9)]
    assert [each["image"] for each in found] == [f"i{number}" for number in good]
    for number, each in zip(good, found, strict=True):
        light = pixels_of(number).mean() / 255
        assert each["probabilities"] == pytest.approx([1 - light, light])
        assert (each["class_id"], each["class_name"]) == ((1, "light") if light > 0.5 else (0, "dark"))
        assert each["model_version"] == 3
    assert lines(tmp_path, "rejected") == [
        {"image": f"i{number}", "reason": f"{number} is no image."} for number in (1, 9)
    ]
    assert (scorer.executions, scorer.forgotten) == (3, 3)
    assert not (tmp_path / "scratch").exists()


def test_a_part_of_bad_images_alone_asks_nobody(tmp_path: Path) -> None:
    scorer = Python()
    assert run(tmp_path, images(4, bad=(0, 1, 2, 3)), scorer) == Progress(rejected=4)
    assert (scorer.executions, lines(tmp_path, "predictions")) == (0, [])


def test_what_was_finished_before_an_interruption_is_kept_and_not_done_again(tmp_path: Path) -> None:
    assert run(tmp_path, images(10), Python(fails=1)) is None
    first = (tmp_path / "out" / "predictions-00000.jsonl").read_bytes()
    assert len(lines(tmp_path, "predictions")) == 4
    later = Python()
    assert run(tmp_path, images(10), later) == Progress(scored=6, kept=4)
    assert later.answered == [4, 2]
    assert (tmp_path / "out" / "predictions-00000.jsonl").read_bytes() == first
    assert [each["image"] for each in lines(tmp_path, "predictions")] == [
        f"i{number}" for number in range(10)
    ]
    nothing = Python()
    assert run(tmp_path, images(10), nothing) == Progress(kept=10)
    assert nothing.executions == 0


def test_changed_images_are_scored_again_and_parts_that_are_no_more_go(tmp_path: Path) -> None:
    run(tmp_path, images(10, bad=(9,)), Python())
    assert run(tmp_path, images(4, stamp="new"), Python()) == Progress(scored=4)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "batch.json",
        "predictions-00000.jsonl",
    ]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("x")
    with pytest.raises(UsageError, match="it holds something else"):
        OutputFolder.open(out, ORIGIN)
    (out / "mine").unlink()
    run(tmp_path, images(1), Python())
    with pytest.raises(UsageError, match=r"holds predictions of something else \(model_package_arn\)"):
        OutputFolder.open(out, {**ORIGIN, "model_package_arn": "arn:2"})
    (out / "batch.json").write_text("{")
    with pytest.raises(UsageError, match="is damaged"):
        OutputFolder.open(out, ORIGIN)
    with pytest.raises(UsageError, match=r"Not a directory|File exists"):
        OutputFolder.open(out / "batch.json", ORIGIN)


def test_a_full_disk_leaves_the_parts_that_are_finished(tmp_path: Path) -> None:
    run(tmp_path, images(4), Python())
    (tmp_path / "out" / ".predictions-00001.jsonl.part").symlink_to("/dev/full")
    with pytest.raises(StateError, match=r"No space left on device.*same command again"):
        run(tmp_path, images(8), Python())
    assert len(lines(tmp_path, "predictions")) == 4
    assert run(tmp_path, images(8), Python()) == Progress(scored=4, kept=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"predictions": []}\n', "has fewer answers than 2"),
        (b'{"predictions": [1, 2]}\n', "without 2 probabilities, to i0"),
        (b'{"predictions": [{"probabilities": [0.5, NaN]}]}\n', "without 2 probabilities, to i0"),
        (
            b'{"predictions": [{"probabilities": [0.5, 0.5]}, {"probabilities": [0.5, 0.5]}, 3]}\n',
            "more answers",
        ),
        (b'{"error": "no"}\n', "a line that is not an answer"),
        (b"{", "a line that is not an answer"),
        (None, "left no 00000.jsonl.out"),
    ],
)
def test_answers_that_do_not_fit_are_refused_by_name(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    class Wrong(Python):
        def answers(self, requests: Requests) -> Mapping[str, Path] | None:
            found = dict(super().answers(requests) or {})
            for name, path in list(found.items()):
                if content is None:
                    del found[name]
                else:
                    path.write_bytes(content)
            return found

    with pytest.raises(AnswersError, match=said):
        run(tmp_path, images(2), Wrong())
    assert lines(tmp_path, "predictions") == []
