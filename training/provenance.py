"""Where a model comes from: digests of code and weights, versions, device, settings."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from devices import Device
from job_settings import JobSettings


def code_digest(folder: Path) -> str:
    """SHA-256 (hexadecimal) over names and contents of the Python files and requirements.txt in `folder`."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("requirements.txt")]):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def weights_digest(weights: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 (hexadecimal) over name, type, shape and bytes of every array, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name])
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def describe_environment(settings: JobSettings, device: Device, code: str, data: str) -> dict[str, Any]:
    """The content of environment.json; `code` and `data` are digests."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": device.name,
        "precision": device.precision,
        "threads": settings.threads,
        "hosts": settings.cluster.size,
        "seed": settings.hyperparameters.seed,
        "hyperparameters": asdict(settings.hyperparameters),
        "code_digest": code,
        "data_digest": data,
    }
