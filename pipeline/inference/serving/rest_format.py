"""The JSON of a request to TensorFlow Serving's REST predict API: tensors in. What goes out: rest_response.py.

The format, and the examples that the tests hold this to: https://www.tensorflow.org/tfx/serving/api_rest ("Predict
API", "JSON mapping"). Messages follow tensorflow_serving/util/json_tensor.cc, whose one laxness is not followed: it
wraps whole numbers that an 8-bit type cannot hold (300 becomes 44), where this refuses them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.inference.predicting.saved_model import DEFAULT_SIGNATURE, Signature, Tensor
from pipeline.inference.serving.byte_rows import read_byte_rows

Array = npt.NDArray[Any]
_SHOWN = 100  # characters of a value in a message
_FLOATS = ("bfloat16", "half", "float16", "float32", "float64")


class RequestError(Exception):
    """A request that cannot be answered. `status` is the HTTP status, the message the response's "error"."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class PredictRequest:
    """What to call with what. `by_rows`: the request had "instances", so that the response has "predictions"."""

    signature: str
    inputs: Mapping[str, Array]
    by_rows: bool


def parse_request(body: bytes, signatures: Mapping[str, Signature]) -> PredictRequest:
    """The request that `body` is.

    Raises:
        RequestError: no JSON object; neither or both of "instances" and "inputs"; an unknown signature; values that
            are not of the types and shapes of its inputs.
    """
    usual = signatures.get(DEFAULT_SIGNATURE)
    rows = read_byte_rows(body, usual.inputs) if usual else None
    if rows is not None:
        return PredictRequest(DEFAULT_SIGNATURE, rows, True)
    document = parse_json(body)
    if not isinstance(document, dict):
        raise RequestError(f"JSON Value: {_shown(document)} Is not object")
    name = document.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise RequestError(
            f"JSON Value: {_shown(name)} not formatted correctly. 'signature_name' key must be a string value."
        )
    name = name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise RequestError(f'Serving signature name: "{name[:_SHOWN]}" not found in signature def')
    expected = signatures[name].inputs
    if "instances" in document and "inputs" in document:
        raise RequestError(
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
        )
    if "instances" in document:
        return PredictRequest(name, _from_rows(document["instances"], expected), True)
    if "inputs" in document:
        return PredictRequest(name, _from_columns(document["inputs"], expected), False)
    raise RequestError("Missing 'inputs' or 'instances' key")


def parse_json(body: bytes) -> Any:
    """The value that `body` is; NaN and Infinity are allowed, as in TensorFlow Serving. Raises RequestError."""
    if not body:
        raise RequestError("JSON Parse error: The document is empty")
    try:
        return json.loads(body)
    except RecursionError:
        raise RequestError("JSON Parse error: The document is nested too deeply") from None
    except ValueError as error:
        raise RequestError(f"JSON Parse error: {str(error)[:_SHOWN]}") from error


def _from_rows(instances: Any, expected: Mapping[str, Tensor]) -> dict[str, Array]:
    if not isinstance(instances, list):
        raise RequestError(f"JSON Value: {_shown(instances)} Excepting 'instances' to be an list/array")
    if not instances:
        raise RequestError("JSON Value: [] No values in 'instances' array")
    if not isinstance(instances[0], dict):
        if len(expected) > 1:
            raise RequestError(
                "instances is a plain list, but expecting list of objects as multiple input tensors required: "
                + ", ".join(sorted(expected))
            )
        if any(isinstance(each, dict) for each in instances):
            raise RequestError("Expecting value/list but got object in the input list")
        (name,) = expected
        return {name: _tensor(name, instances, expected[name])}
    columns: dict[str, list[Any]] = {name: [] for name in expected}
    for position, each in enumerate(instances):
        if not isinstance(each, dict):
            raise RequestError(f"Expecting object but got list at item {position} of input list")
        if set(each) != set(expected):
            raise RequestError(
                f"Failed to process element: {position} of 'instances' list. JSON object: {_shown(each)} keys must "
                f"be equal to: {','.join(sorted(expected))}"
            )
        for name, value in each.items():
            columns[name].append(value)
    return {name: _tensor(name, values, expected[name]) for name, values in columns.items()}


def _from_columns(inputs: Any, expected: Mapping[str, Tensor]) -> dict[str, Array]:
    if isinstance(inputs, dict):
        for name in expected:
            if name not in inputs:
                raise RequestError(f"Missing named input: {name} in 'inputs' object.")
        return {name: _tensor(name, inputs[name], expected[name]) for name in expected}
    if len(expected) > 1:
        raise RequestError(
            "inputs is a plain value/list, but expecting an object as multiple input tensors required: "
            + ", ".join(sorted(expected))
        )
    (name,) = expected
    return {name: _tensor(name, inputs, expected[name])}


def _tensor(name: str, value: Any, expected: Tensor) -> Array:
    """`value`, a number or nested lists of them, as the input called `name`."""
    shape, leaves = _flattened(value)
    if expected.shape is not None and not _fits(shape, expected.shape):
        wanted = ",".join("?" if size is None else str(size) for size in expected.shape)
        raise RequestError(
            f"Input '{name}' must have the shape [{wanted}], not [{','.join(map(str, shape))}]"
        )
    _check_types(leaves, expected.dtype)
    if expected.dtype == "string":
        return np.array([leaf.encode() for leaf in leaves], dtype=object).reshape(shape)
    if expected.dtype in _FLOATS:
        try:
            return np.array(leaves, np.float64).astype(expected.dtype).reshape(shape)
        except OverflowError:  # a whole number beyond 1.8e308
            raise RequestError(
                f"Input '{name}': a number is out of range for type: {expected.dtype}"
            ) from None
    if expected.dtype == "bool":
        return np.array(leaves, np.bool_).reshape(shape)
    if expected.dtype == "uint8":
        with suppress(ValueError):  # a value that is none of a byte's
            return np.frombuffer(bytearray(leaves), np.uint8).reshape(shape)
    limits = np.iinfo(expected.dtype)
    for leaf in (min(leaves, default=0), max(leaves, default=0)):
        if not limits.min <= leaf <= limits.max:
            raise RequestError(
                f"JSON Value: {_shown(leaf)} is out of range for type: {expected.dtype} "
                f"({limits.min} to {limits.max})"
            )
    return np.array(leaves, expected.dtype).reshape(shape)


def _flattened(value: Any) -> tuple[tuple[int, ...], Sequence[Any]]:
    """The shape of nested lists, which must be equally long and deep, and their values in one row."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and isinstance(level[0], list):
        length = len(level[0])
        for each in level:
            if not isinstance(each, list):
                raise RequestError(f"JSON Value: {_shown(each)} found at incorrect level: {len(shape) + 1}")
            if len(each) != length:
                raise RequestError(
                    f"Encountered list at unexpected size: {len(each)} at level: {len(shape)} "
                    f"expected size: {length}"
                )
        shape.append(length)
        level = list(itertools.chain.from_iterable(level))
    if list in set(map(type, level)):
        raise RequestError(f"Encountered list at unexpected level: {len(shape)} expected < {len(shape)}")
    return tuple(shape), level


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return len(shape) == len(expected) and all(
        wanted is None or size == wanted for size, wanted in zip(shape, expected, strict=True)
    )


def _check_types(leaves: Sequence[Any], dtype: str) -> None:
    allowed: tuple[type, ...] = {"string": (str,), "bool": (bool,)}.get(
        dtype, (int, float) if dtype in _FLOATS else (int,)
    )
    if not set(map(type, leaves)) <= set(allowed):  # by type: for Python, True is a number
        culprit = next(leaf for leaf in leaves if type(leaf) not in allowed)
        raise RequestError(
            f"JSON Value: {_shown(culprit)} Type: {_json_type(culprit)} is not of expected type: {dtype}"
        )


def _json_type(value: Any) -> str:
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number", type(None): "Null"}
    return str(value) if isinstance(value, bool) else names[type(value)]


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**_SHOWN:
        return "a very large number"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
