"""The format of TensorFlow Serving's REST API, by the examples of https://www.tensorflow.org/tfx/serving/api_rest."""

import json

import numpy as np
import pytest

from pipeline.inference.predicting.saved_model import Signature, Tensor
from pipeline.inference.serving.rest_format import (
    PredictRequest,
    RequestError,
    parse_request,
)
from pipeline.inference.serving.rest_response import format_response
from tests.pipeline.inference.serving.half_plus_three import PIXELS, SENSORS

ANY = Signature({"x": Tensor("float32", None)}, {})
STRINGS = Signature({"x": Tensor("string", (None,))}, {})
BOOLS = Signature({"x": Tensor("bool", (None,))}, {})


def parsed(text, signature=ANY, **more):
    body = text.encode() if isinstance(text, str) else json.dumps(text).encode()
    return parse_request(body, {"serving_default": signature, **more})


def refused(text, signature=ANY):
    with pytest.raises(RequestError) as error:
        parsed(text, signature)
    assert error.value.status == 400
    return str(error.value)


def test_rows_of_a_single_input_are_its_values():
    """ "List of 3 scalar tensors", "List of 2 tensors each of [1, 2] shape"."""
    request = parsed({"instances": ["foo", "bar", "baz"]}, STRINGS)
    assert request.by_rows
    assert request.inputs["x"].tolist() == [b"foo", b"bar", b"baz"]
    request = parsed({"instances": [[[1, 2]], [[3, 4]]]})
    assert request.inputs["x"].tolist() == [[[1, 2]], [[3, 4]]]
    assert request.inputs["x"].dtype == np.float32


ROWS = """{
 "instances": [
   {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]},
   {"tag": "bar", "signal": [3, 4, 1, 2, 5], "sensor": [[4, 5], [6, 8]]}
 ]
}"""
COLUMNS = """{
 "inputs": {
   "tag": ["foo", "bar"],
   "signal": [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]],
   "sensor": [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]
 }
}"""


def test_several_named_inputs_are_given_by_rows_or_by_columns():
    rows, columns = parsed(ROWS, SENSORS), parsed(COLUMNS, SENSORS)
    assert (rows.by_rows, columns.by_rows) == (True, False)
    for request in (rows, columns):
        assert request.inputs["tag"].tolist() == [b"foo", b"bar"]
        assert request.inputs["signal"].tolist() == [[1, 2, 3, 4, 5], [3, 4, 1, 2, 5]]
        assert request.inputs["sensor"].tolist() == [[[1, 2], [3, 4]], [[4, 5], [6, 8]]]
        assert (request.inputs["signal"].dtype, request.inputs["sensor"].dtype) == (np.int32, np.int64)


def test_a_single_input_may_be_named_in_both_formats():
    image = np.arange(784).reshape(28, 28) % 256
    for document in (
        {"instances": [image.tolist()]},
        {"instances": [{"images": image.tolist()}]},
        {"inputs": [image.tolist()]},
        {"inputs": {"images": [image.tolist()]}},
    ):
        request = parsed(document, PIXELS)
        assert request.inputs["images"].dtype == np.uint8
        assert np.array_equal(request.inputs["images"][0], image)


def test_a_signature_is_chosen_by_name():
    request = parsed({"signature_name": "sensors", **json.loads(ROWS)}, ANY, sensors=SENSORS)
    assert request.signature == "sensors"
    assert parsed({"signature_name": "", "instances": [1]}).signature == "serving_default"
    assert 'name: "nosuch" not found in signature def' in refused(
        {"signature_name": "nosuch", "instances": [1]}
    )


@pytest.mark.parametrize("name", [5, 0, None, False, [], {}])
def test_a_signature_name_is_a_text(name):
    assert refused({"signature_name": name, "instances": [1]}) == (
        f"JSON Value: {json.dumps(name)} not formatted correctly. 'signature_name' key must be a string value."
    )


def test_numbers_that_are_none_are_allowed_for_decimals_as_documented():
    values = parsed('{"instances": [1.0, -3.14, NaN, Infinity, -Infinity]}').inputs["x"]
    assert np.isnan(values[2])
    assert values[3:].tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ("{", "JSON Parse error"),
        ('{"instances": [1,]}', "JSON Parse error"),
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": [1], "inputs": [1]}', "only one of 'inputs' or 'instances'"),
        ('{"instances": 1}', "to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [[1, 2], [3]]}', "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        ('{"instances": [[1], 2]}', "found at incorrect level"),
        ('{"instances": [1, [2]]}', "Encountered list at unexpected level"),
        ('{"instances": ["a"]}', 'JSON Value: "a" Type: String is not of expected type: float32'),
        ('{"instances": [true]}', "Type: True is not of expected type: float32"),
        ('{"instances": [null]}', "Type: Null is not"),
        (f'{{"instances": [1, {10**400}]}}', "Input 'x': a number is out of range for type: float32"),
        ('{"instances": [1, {"x": 2}]}', "Expecting value/list but got object"),
        ('{"instances": [{"x": 1}, 2]}', "Expecting object but got list at item 1"),
        ('{"instances": [{"y": 1}]}', "keys must be equal to: x"),
        ('{"inputs": {"y": 1}}', "Missing named input: x in 'inputs' object."),
    ],
)  # fmt: skip
def test_a_request_of_another_form_is_refused(text, message):
    assert message in refused(text)


def test_several_inputs_are_not_given_as_a_plain_list():
    assert "instances is a plain list" in refused({"instances": [1]}, SENSORS)
    assert "inputs is a plain value/list" in refused({"inputs": [1]}, SENSORS)


IMAGE = np.zeros((28, 28), int).tolist()


def image_with(value):
    return [[value, *IMAGE[0][1:]], *IMAGE[1:]]


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([image_with(256)], "JSON Value: 256 is out of range for type: uint8 (0 to 255)"),
        ([image_with(-1)], "JSON Value: -1 is out of range for type: uint8"),
        ([image_with(10**400)], "a very large number is out of range"),
        ([image_with(0.5)], "JSON Value: 0.5 Type: Number is not of expected type: uint8"),
        ([image_with(1.0)], "JSON Value: 1.0 Type: Number is not of expected type: uint8"),
        ([image_with(True)], "Type: True is not of expected type: uint8"),
        ([image_with(None)], "Type: Null is not of expected type: uint8"),
        ([image_with("9")], 'JSON Value: "9" Type: String'),
        ([IMAGE[:27]], "Input 'images' must have the shape [?,28,28], not [1,27,28]"),
        (IMAGE, "must have the shape [?,28,28], not [28,28]"),
        ([[IMAGE]], "not [1,1,28,28]"),
        ([[[]] * 28], "not [1,28,0]"),
        ([5], "not [1]"),
    ],
)
def test_what_is_no_image_of_bytes_is_refused(instances, message):
    assert message in refused({"instances": instances}, PIXELS)
    assert message in refused({"inputs": instances}, PIXELS)


def test_truth_values_have_a_type_of_their_own():
    assert parsed({"instances": [True, False]}, BOOLS).inputs["x"].tolist() == [True, False]
    assert "expected type: bool" in refused({"instances": [1]}, BOOLS)


def formatted(outputs, by_rows=True):
    return json.loads(format_response(PredictRequest("serving_default", {}, by_rows), outputs))


def test_a_single_output_has_no_name_in_the_response():
    values = np.array([3.5, 4.0, 5.5], np.float32)
    assert formatted({"y": values}) == {"predictions": [3.5, 4.0, 5.5]}
    assert formatted({"y": values}, by_rows=False) == {"outputs": [3.5, 4.0, 5.5]}


def test_several_outputs_are_objects_by_row_or_one_object():
    outputs = {"probabilities": np.array([[0.25, 0.75], [1, 0]], np.float32), "class_id": np.array([1, 0])}
    assert formatted(outputs) == {
        "predictions": [
            {"probabilities": [0.25, 0.75], "class_id": 1},
            {"probabilities": [1.0, 0.0], "class_id": 0},
        ]
    }
    assert formatted(outputs, by_rows=False) == {
        "outputs": {"probabilities": [[0.25, 0.75], [1.0, 0.0]], "class_id": [1, 0]}
    }


def test_decimals_are_as_short_as_they_can_be_and_whole_ones_have_a_point():
    values = np.array([0.2, 1, 1e-5, 1 / 3], np.float32)
    text = format_response(PredictRequest("serving_default", {}, True), {"y": values}).decode()
    assert [part.strip(" \n[]}") for part in text.partition("[")[2].split(",")] == [
        "0.2",
        "1.0",
        "1e-05",
        "0.33333334",
    ]
    assert np.array_equal(np.array(json.loads(text)["predictions"], np.float32), values)


def test_texts_in_the_output_are_texts_in_the_response():
    assert formatted({"y": np.array([b"shirt", b"bag"], object)}) == {"predictions": ["shirt", "bag"]}


def test_outputs_without_rows_are_refused_for_rows():
    with pytest.raises(RequestError, match="inconsistent batch size"):
        formatted({"a": np.zeros(2), "b": np.zeros(3)})
    assert formatted({"a": np.zeros(2), "b": np.zeros(3)}, by_rows=False)["outputs"]["b"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "outputs",
    [
        {"y": np.array([1e-5, 1e-4, 123456789, 1e16, -0.0, 1 / 3], np.float32)},
        {"y": np.array([np.nan, np.inf, -np.inf, 1e-7], np.float32)},
        {"p%s": np.random.default_rng(0).dirichlet(np.ones(10) * 0.1, 50).astype(np.float32)},
        {"a": np.array([[1e-5, np.nan]]), "b": np.zeros((1, 2, 2), np.float16), "c": np.array([True])},
        {"text": np.array([b"a, b\n%s", b"\xff"], object), "number": np.array([2**63 - 1, -5])},
        {"none": np.zeros((0, 3), np.float32)},
        {"empty": np.zeros((3, 0, 2), np.float32), "other": np.zeros((3, 2, 0))},
    ],
)
def test_a_response_is_written_as_json_writes_it_with_four_blanks(outputs):
    def listed(values):
        if values.dtype == np.float32:
            return values.astype("U32").astype(np.float64).tolist()
        return (
            [each.decode(errors="replace") for each in values] if values.dtype == object else values.tolist()
        )

    columns = {name: listed(values) for name, values in outputs.items()}
    (first, *others) = columns.values()
    whole = {"outputs": columns if others else first}
    rows = {
        "predictions": [dict(zip(columns, row, strict=True)) for row in zip(first, *others, strict=True)]
        if others
        else first
    }
    for by_rows, document in ((False, whole), (True, rows)):
        text = format_response(PredictRequest("serving_default", {}, by_rows), outputs)
        assert text.decode() == json.dumps(document, indent=4)
