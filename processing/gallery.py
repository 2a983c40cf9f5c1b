"""gallery.npz: the test images that a report shows, so that it needs nothing but the evaluation's own files.

evaluate.py writes it. Only pixels: labels and probabilities are in predictions.npz, under the same indices.
"""

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from candidate_evaluation import RawSplit

EXAMPLES = 4  # images of each class that the winner is surest of


def gallery_bytes(
    test: RawSplit, probabilities: Mapping[str, npt.NDArray[np.float32]], winner_id: str
) -> bytes:
    """The file's content: `indices_test` (int64, ascending) and their `pixels_test` (uint8, M×28×28).

    `probabilities` (N×C on test) are those of every model, by id.
    """
    indices = gallery_indices(test.labels, probabilities, winner_id)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        indices_test=indices,
        pixels_test=np.ascontiguousarray(test.pixels[indices]),
    )
    return buffer.getvalue()


def gallery_indices(
    labels: npt.NDArray[np.uint8], probabilities: Mapping[str, npt.NDArray[np.float32]], winner_id: str
) -> npt.NDArray[np.int64]:
    """Every image that some model gets wrong, and of each class those that the winner is surest of, ascending."""
    shown = np.zeros(len(labels), bool)
    for one in probabilities.values():
        shown |= one.argmax(axis=1) != labels
    of_truth = probabilities[winner_id][np.arange(len(labels)), labels.astype(np.int64)]
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        shown[members[np.argsort(-of_truth[members], kind="stable")[:EXAMPLES]]] = True
    return np.flatnonzero(shown).astype(np.int64)
