"""The SavedModel of an artifact, called as a server calls it: raw pixels in, probabilities out.

What is scored is what is served: nothing of training's code is involved. The only module that imports TensorFlow,
which takes seconds; it does so when it is used.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from artifact import ArtifactError
from fashion_classes import CLASS_COUNT

BATCH = 1000  # images; the activations of the largest candidate stay under 200 MB
SUM_TOLERANCE = 1e-3  # float32 softmax sums are within 1e-6; a served logit or sigmoid is far off

Predict = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


def use_threads(threads: int) -> None:
    """Let TensorFlow compute on `threads` cores. Call it before any model is loaded: later it does nothing."""
    config = _tensorflow().config.threading
    try:
        config.set_intra_op_parallelism_threads(threads)
        config.set_inter_op_parallelism_threads(threads)
    except (
        RuntimeError
    ):  # this process has used TensorFlow before: it is no container's, and the scores are the same
        print("TensorFlow is running already and keeps its threads", flush=True)


def load_served_model(folder: Path, candidate: str) -> Predict:
    """Load `serving_default`; returns a function from uint8 N×28×28 to probabilities, float32 N×10.

    `candidate` names the model in messages. The function raises ArtifactError for probabilities that are not
    finite, do not sum to 1, or disagree with the served class.

    Raises:
        ArtifactError: no SavedModel, or none with the signature that is agreed upon.
    """
    tensorflow = _tensorflow()
    try:
        model = tensorflow.saved_model.load(str(folder))
    except (
        Exception
    ) as error:  # TensorFlow documents no exception types for damaged models, and raises several
        raise ArtifactError(
            f"TensorFlow {tensorflow.__version__} could not load the SavedModel of {candidate}: "
            f"{type(error).__name__}: {error}. Run its training step again."
        ) from error
    signature = model.signatures.get("serving_default")
    inputs = {} if signature is None else signature.structured_input_signature[1]
    outputs = {} if signature is None else signature.structured_outputs
    if (
        set(inputs) != {"images"}
        or inputs["images"].dtype != tensorflow.uint8
        or not {"probabilities", "class_id"} <= set(outputs)
    ):
        raise ArtifactError(
            f"The SavedModel of {candidate} has no signature serving_default from images (uint8) to "
            f"probabilities and class_id, but inputs={inputs}, outputs={outputs}."
        )

    def predict(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        # `model` must stay referenced: its variables go with it.
        batches = [
            _checked(_call(model.signatures["serving_default"], batch, candidate), len(batch), candidate)
            for batch in (pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH))
        ]
        return np.concatenate(batches)

    return predict


def _call(signature: Any, batch: npt.NDArray[np.uint8], candidate: str) -> dict[str, npt.NDArray[Any]]:
    try:
        served = signature(images=_tensorflow().constant(batch))
        return {name: tensor.numpy() for name, tensor in served.items()}
    except Exception as error:  # again no documented types; a registered model may be anybody's
        raise ArtifactError(
            f"Could not score {candidate}: its signature does not accept uint8 images {batch.shape}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _checked(served: dict[str, npt.NDArray[Any]], count: int, candidate: str) -> npt.NDArray[np.float32]:
    probabilities, class_id = served["probabilities"], served["class_id"]
    doing = f"Scoring {candidate}"
    if probabilities.shape != (count, CLASS_COUNT) or class_id.shape != (count,):
        raise ArtifactError(
            f"{doing}: its probabilities must have the shape ({count}, {CLASS_COUNT}) and class_id "
            f"({count},), not {probabilities.shape} and {class_id.shape}."
        )
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if not np.isfinite(probabilities).all():
        raise ArtifactError(f"{doing}: its probabilities are NaN or infinite. Train it again.")
    if probabilities.min() < 0 or np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise ArtifactError(
            f"{doing}: its probabilities must be at least 0 and sum to 1 within {SUM_TOLERANCE}; the least "
            f"is {probabilities.min():.6g}, the sums are {sums.min():.6f}..{sums.max():.6f}."
        )
    in_range = (class_id >= 0) & (class_id < CLASS_COUNT)
    served_best = probabilities[np.arange(count), np.where(in_range, class_id, 0)]
    if not in_range.all() or (served_best < probabilities.max(axis=1)).any():
        raise ArtifactError(f"{doing}: class_id is not the most probable class.")
    return probabilities.astype(np.float32, copy=False)


def _tensorflow() -> Any:
    os.environ.setdefault(
        "TF_CPP_MIN_LOG_LEVEL", "2"
    )  # without it the job's log opens with CPU feature notes
    # TensorFlow imports Keras where it is installed, which brings pandas, matplotlib and scikit-learn: almost half
    # of its start. A SavedModel needs none of them.
    hidden = "keras" not in sys.modules
    if hidden:
        sys.modules["keras"] = None  # type: ignore[assignment] # an import raises ImportError
    try:
        import tensorflow
    finally:
        if hidden:
            del sys.modules["keras"]
    return tensorflow
