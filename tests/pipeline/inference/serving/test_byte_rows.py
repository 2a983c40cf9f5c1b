"""Rows of bytes read without json.loads: the same as with it, or left to it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inference.batch.requests import records
from pipeline.inference.predicting.saved_model import Tensor
from pipeline.inference.serving.byte_rows import read_byte_rows
from pipeline.inference.serving.container_rules import JSON_LINES, converted

IMAGES = {"images": Tensor("uint8", (None, 28, 28))}
SMALL = {"x": Tensor("uint8", (None, 2, 3))}
PIXELS = np.random.default_rng(0).integers(0, 256, (400, 28, 28), np.uint8)


def read(body: bytes, inputs=SMALL):
    found = read_byte_rows(body, inputs)
    return None if found is None else found[next(iter(inputs))].tolist()


@pytest.mark.parametrize("count", [1, 2, 400])
def test_the_records_of_a_transform_job_are_read(count):
    body = converted(records(PIXELS[:count]), JSON_LINES)
    assert read(body, IMAGES) == PIXELS[:count].tolist()


def test_rows_as_clients_write_them_are_read():
    rows = PIXELS[:5].tolist()
    assert read(json.dumps({"instances": rows}).encode(), IMAGES) == rows
    assert read(json.dumps({"instances": [{"images": row} for row in rows]}).encode(), IMAGES) == rows


GOOD = '{"instances": [{"x":[[1,20,255],[0,9,10]]},{"x":[[7,7,7],[30,40,50]]}]}'


def test_the_good_text_of_the_tests_below_is_read():
    assert read(GOOD.encode()) == [[[1, 20, 255], [0, 9, 10]], [[7, 7, 7], [30, 40, 50]]]


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("255", "256"),
        ("255", "1000"),
        ("20", "-20"),
        ("20", "2.0"),
        ("20", "2e1"),
        ("20", "020"),
        ("20", "2 0"),
        ("20", "true"),
        ("20,", ","),
        ("20,", "20"),
        ("[1,", "1[,"),  # as many numbers, one of them elsewhere
        ("[1,20,255]", "[,20,255]1"),
        ("]]}]}", "]]}5]}"),
        ('[{"x":[[1,', '[1{"x":[[,'),
        ("]]},", "]],"),
        ("[0,9,10]", "[0,9]"),
        ('"x"', '"y"'),
        ('"x"', '"1x"'),
        ('"x"', '"x","x"'),
        ('"instances"', '"inputs"'),
        ("]}]}", ']}],"signature_name":"other"}'),
    ],
)
def test_what_is_not_certain_is_left_to_json(part, instead):
    assert part in GOOD
    assert read(GOOD.replace(part, instead, 1).encode()) is None


def test_an_input_of_another_kind_is_left_to_json():
    body = b'{"instances": [1, 2]}'
    for tensor in (
        Tensor("uint8", (None,)),
        Tensor("uint8", None),
        Tensor("uint8", (None, None)),
        Tensor("float32", (None, 2)),
    ):
        assert read_byte_rows(body, {"x": tensor}) is None
    assert read_byte_rows(GOOD.encode(), {**SMALL, "y": Tensor("uint8", (None, 2, 3))}) is None
    assert read_byte_rows(b"", SMALL) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GOOD)), st.integers(0, 2), st.sampled_from([*'0123456789,[]{} :"x.-', ""])
        ),
        max_size=4,
    )
)
def test_what_is_read_is_what_json_says(changes):
    text = GOOD
    for place, drop, put in changes:
        text = text[:place] + put + text[place + drop :]
    found = read(text.encode())
    if found is not None:
        rows = json.loads(text)["instances"]
        assert found == [row["x"] if isinstance(row, dict) else row for row in rows]
