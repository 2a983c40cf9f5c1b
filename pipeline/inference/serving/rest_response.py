"""The JSON of a response of TensorFlow Serving's REST predict API: tensors out. What comes in: rest_format.py.

A response is one text with a place for each value: json.dumps takes three times as long for thousands of rows.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping

import numpy as np

from pipeline.inference.serving.rest_format import Array, PredictRequest, RequestError


def format_response(request: PredictRequest, outputs: Mapping[str, Array]) -> bytes:
    """The body of the response: "predictions" to "instances", "outputs" to "inputs".

    Raises:
        RequestError: rows were asked for, and the outputs have no common number of them.
    """
    if not request.by_rows:
        shapes = {name: values.shape for name, values in outputs.items()}
        leaves = itertools.chain.from_iterable(map(_texts, outputs.values()))
        return _document("outputs", _frame_of(shapes, 4) % tuple(leaves))
    counts = {values.shape[0] if values.ndim else None for values in outputs.values()}
    if len(counts) != 1 or None in counts:
        raise RequestError("Tensors have inconsistent batch size; ask in the columnar format ('inputs')")
    row = _frame_of({name: values.shape[1:] for name, values in outputs.items()}, 8)
    columns = [_by_row(_texts(values), len(values)) for values in outputs.values()]
    return _document(
        "predictions",
        _between("[]", [row % tuple(itertools.chain(*parts)) for parts in zip(*columns, strict=True)], 4),
    )


def _document(key: str, content: str) -> bytes:
    return _between("{}", [f'"{key}": {content}'], 0).encode()


def _frame_of(shapes: Mapping[str, tuple[int, ...]], indent: int) -> str:
    """The JSON of outputs of those shapes, with %s for each of their values; a single one has no name."""
    if len(shapes) == 1:
        (shape,) = shapes.values()
        return _frame(shape, indent)
    named = (
        f"{json.dumps(name)}: ".replace("%", "%%") + _frame(shape, indent + 4)
        for name, shape in shapes.items()
    )
    return _between("{}", named, indent)


def _frame(shape: tuple[int, ...], indent: int) -> str:
    if not shape:
        return "%s"
    return _between("[]", [_frame(shape[1:], indent + 4)] * shape[0], indent)


def _between(brackets: str, parts: Iterable[str], indent: int) -> str:
    """As json.dumps(…, indent=4) writes what is in brackets."""
    pad = "\n" + " " * (indent + 4)
    inner = f",{pad}".join(parts)
    return f"{brackets[0]}{pad}{inner}{pad[:-4]}{brackets[1]}" if inner else brackets


def _by_row(texts: list[str], count: int) -> list[list[str]]:
    size = len(texts) // count if count else 0
    return [texts[row * size : (row + 1) * size] for row in range(count)]


def _texts(values: Array) -> list[str]:
    """The values as JSON, in one row; a float32 as the shortest decimal that is it, as TensorFlow Serving does."""
    values = values.ravel()
    if values.dtype.kind in "SO":
        return [json.dumps(each.decode(errors="replace")) for each in values]
    if values.dtype == np.float32:
        texts: list[str] = values.astype("U32").tolist()
        if np.isfinite(values).all():
            # NumPy has exponents from other sizes on than JSON's usual writers.
            return [repr(float(text)) if "e" in text else text for text in texts]
        return [json.dumps(float(text)) for text in texts]
    return [json.dumps(each) for each in values.tolist()]
