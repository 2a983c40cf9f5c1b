"""Models for the tests of the REST format: the examples of TensorFlow Serving's documentation, in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.inference.predicting.saved_model import Signature, Tensor


class HalfPlusThree:
    """y = x / 2 + 3, which the documentation's examples ask."""

    def __init__(self) -> None:
        self.signatures = {
            "serving_default": Signature({"x": Tensor("float32", (None,))}, {"y": Tensor("float32", (None,))})
        }
        tensor = {
            "dtype": "DT_FLOAT",
            "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
        }
        self.signature_def = {
            "serving_default": {
                "inputs": {"x": {**tensor, "name": "x:0"}},
                "outputs": {"y": {**tensor, "name": "y:0"}},
                "method_name": "tensorflow/serving/predict",
            }
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, signature: str, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        self.asked.append((signature, dict(inputs)))
        return {"y": inputs["x"] / np.float32(2) + np.float32(3)}


# The documentation's request with three named inputs.
SENSORS = Signature(
    {
        "tag": Tensor("string", (None,)),
        "signal": Tensor("int32", (None, 5)),
        "sensor": Tensor("int64", (None, 2, 2)),
    },
    {},
)
PIXELS = Signature(
    {"images": Tensor("uint8", (None, 28, 28))},
    {"probabilities": Tensor("float32", (None, 10)), "class_id": Tensor("int64", (None,))},
)
