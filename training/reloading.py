"""Loading a trained network back into Keras, for whoever goes on working with it in Python.

Nothing in the artifact is executed: the network is rebuilt from the code, and the weights are plain arrays, whose
digests are checked first.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from export import SCHEMA_VERSION, file_digests
from models import build_model
from provenance import weights_digest
from training_failure import ModelError, while_doing


def load_model(folder: Path) -> Any:
    """The Keras model of the artifact in `folder`: normalized images (float32, N×28×28×1) to logits (N×10).

    Raises:
        ModelError: a file is missing, added or changed, or the weights do not fit the network.
        TrainingError: a file cannot be read.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise ModelError(f"There is no model at {path}. Name a folder that train.py wrote.")
    with while_doing(f"read the model in {folder}"):
        content, found = path.read_bytes(), file_digests(folder)
    try:
        description = json.loads(content)
        version, files = description["schema_version"], dict(description["files"])
        architecture, kernel_size = description["architecture"], description["kernel_size"]
        filters = None if description["filters"] is None else tuple(description["filters"])
        digest = description["weights_digest"]
    except (ValueError, KeyError, TypeError) as error:
        raise _refusal(path, f"train.py did not write it so ({type(error).__name__}: {error})") from error
    if version != SCHEMA_VERSION:
        raise _refusal(path, f"schema_version must be {SCHEMA_VERSION}, not {version!r}")
    changed = sorted(name for name in {*found, *files} if found.get(name) != files.get(name))
    if changed:
        raise _refusal(folder, f"its files differ from those that model.json lists: {changed}")
    with np.load(folder / "weights.npz", allow_pickle=False) as archive:
        weights = {name: archive[name] for name in archive.files}
    if weights_digest(weights) != digest:
        raise _refusal(folder, f"the digest of its weights is {weights_digest(weights)}, not {digest}")
    model = build_model(architecture, kernel_size, filters)
    shapes = {variable.path: tuple(variable.shape) for variable in model.weights}
    if shapes != {name: array.shape for name, array in weights.items()}:
        raise _refusal(
            folder, f"its weights are not those of a {architecture} network; is the code of its version?"
        )
    for variable in model.weights:
        variable.assign(weights[variable.path])
    return model


def _refusal(path: Path, problem: str) -> ModelError:
    return ModelError(f"Could not load the model {path}: {problem}. Train it again.")
