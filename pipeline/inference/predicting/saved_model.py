"""A SavedModel, called as a server calls it. The only module here that imports TensorFlow, when it loads one."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import RegistryError

DEFAULT_SIGNATURE = "serving_default"
_SERVED = "serve"  # the tag of the graph that servers load
BATCH = 1000  # images at once: the activations of the largest candidate stay under 200 MB


@dataclass(frozen=True)
class Tensor:
    """A named input or output: its dtype in TensorFlow's words ("uint8"), and its shape; None is any size."""

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Signature:
    """The named inputs and outputs of a signature."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


class SavedModel:
    """A loaded SavedModel. Usable from several threads."""

    def __init__(self, folder: Path, name: str) -> None:
        """Load the SavedModel in `folder`; `name` is it in messages. The folder is not needed afterwards.

        Raises:
            RegistryError: TensorFlow cannot load it.
        """
        self._tensorflow = _tensorflow()
        try:
            # Must stay referenced: the variables go with it.
            self._model = self._tensorflow.saved_model.load(str(folder))
        except (
            Exception
        ) as error:  # TensorFlow documents no exception types for damaged models, and raises several
            raise RegistryError(
                f"TensorFlow {self._tensorflow.__version__} could not load the SavedModel of {name}: "
                f"{type(error).__name__}: {error}. Train it again: python -m pipeline run"
            ) from error
        self._functions = dict(self._model.signatures.items())
        self.signatures = {key: _signature(function) for key, function in self._functions.items()}
        self.signature_def = _signature_def(folder)

    def call(self, signature: str, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The outputs of a signature by name, for inputs of its dtypes and shapes.

        Where inputs and outputs begin with a dimension of any size, their number of rows, many rows are computed in
        several parts.
        """
        count = _rows(self.signatures[signature], inputs)
        if count is None or count <= BATCH:
            return self._call(signature, inputs)
        parts = [
            self._call(signature, {name: value[start : start + BATCH] for name, value in inputs.items()})
            for start in range(0, count, BATCH)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _call(self, signature: str, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        tensors = {name: self._tensorflow.constant(value) for name, value in inputs.items()}
        outputs: dict[str, npt.NDArray[Any]] = {
            name: tensor.numpy() for name, tensor in self._functions[signature](**tensors).items()
        }
        return outputs


def classify(
    model: SavedModel, pixels: npt.NDArray[np.uint8], classes: int, name: str
) -> npt.NDArray[np.float32]:
    """The probabilities (float32, N×`classes`) of images (uint8, N×28×28).

    Raises:
        RegistryError: the model has another signature, or its answers are not finite probabilities.
    """
    signature = model.signatures.get(DEFAULT_SIGNATURE)
    expected = {"images": Tensor("uint8", (None, 28, 28))}
    if signature is None or dict(signature.inputs) != expected or "probabilities" not in signature.outputs:
        raise RegistryError(
            f"Could not use {name}: it has no signature {DEFAULT_SIGNATURE} from images (uint8, N×28×28) to "
            f"probabilities, but {signature}. Choose another version with --model."
        )
    probabilities = model.call(DEFAULT_SIGNATURE, {"images": pixels})["probabilities"].astype(np.float32)
    if probabilities.shape != (len(pixels), classes) or not np.isfinite(probabilities).all():
        raise RegistryError(
            f"Could not use {name}: it did not answer with finite probabilities of the shape "
            f"{(len(pixels), classes)}, but with {probabilities.shape}, "
            f"from {probabilities.min():.6g} to {probabilities.max():.6g}. Choose another version with --model."
        )
    return probabilities


def _rows(signature: Signature, inputs: Mapping[str, npt.NDArray[Any]]) -> int | None:
    """How many rows the inputs have, if rows can be computed apart from each other; else None."""
    tensors = [*signature.inputs.values(), *signature.outputs.values()]
    if not all(tensor.shape and tensor.shape[0] is None for tensor in tensors):
        return None
    counts = {len(value) for value in inputs.values()}
    return counts.pop() if len(counts) == 1 else None


def _signature(function: Any) -> Signature:
    inputs = {name: _tensor(spec) for name, spec in function.structured_input_signature[1].items()}
    outputs = {name: _tensor(spec) for name, spec in function.structured_outputs.items()}
    return Signature(inputs, outputs)


def _tensor(spec: Any) -> Tensor:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Tensor(spec.dtype.name, shape)


def _signature_def(folder: Path) -> dict[str, Any]:
    """The signatures of the SavedModel as JSON, as TensorFlow Serving prints them: fields with their own names."""
    from google.protobuf.json_format import MessageToDict
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as Document

    document = Document.FromString((folder / "saved_model.pb").read_bytes())
    graph = next(graph for graph in document.meta_graphs if _SERVED in graph.meta_info_def.tags)
    return {
        name: MessageToDict(
            signature, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for name, signature in sorted(graph.signature_def.items())
    }


def _tensorflow() -> Any:
    """TensorFlow, without its remarks about the machine."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet(), _without_keras():
        import tensorflow

        tensorflow.constant(0)  # starts its runtime, which has remarks of its own
    return tensorflow


@contextmanager
def _without_keras() -> Iterator[None]:
    """Hides Keras, unless somebody has imported it already.

    TensorFlow imports it where it is installed, and it brings pandas, matplotlib and scikit-learn: almost half of
    TensorFlow's start. A SavedModel needs none of them.
    """
    hidden = "keras" not in sys.modules
    if hidden:
        sys.modules["keras"] = None  # type: ignore[assignment] # an import raises ImportError
    try:
        yield
    finally:
        if hidden:
            del sys.modules["keras"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what is written to standard error within the block from being seen, unless the block fails.

    TensorFlow writes there before anything that it could be told takes effect.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        failed = False
        try:
            yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            if failed:
                kept.seek(0)
                sys.stderr.write(kept.read().decode(errors="replace"))
