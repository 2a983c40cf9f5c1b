"""A registered model's artifact: fetched, checked against every digest there is, and unpacked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pipeline.errors import RegistryError
from pipeline.inference.predicting.extraction import unpack
from pipeline.inference.predicting.models import Models
from pipeline.registry import Package

SAVED_MODEL = "1"
_SHA256 = "artifact_sha256"  # the name in the package's metadata


@dataclass(frozen=True)
class Artifact:
    """An unpacked artifact. `folder` holds it; `class_names` are in the order of the labels."""

    package: Package
    folder: Path
    sha256: str
    class_names: tuple[str, ...]

    @property
    def saved_model(self) -> Path:
        """The folder of the SavedModel."""
        return self.folder / SAVED_MODEL


def fetch_artifact(models: Models, package: Package, work: Path) -> Artifact:
    """The artifact of `package`, unpacked in the folder `work`, which must exist.

    Raises:
        RegistryError: it cannot be fetched or unpacked; its digest is not the registered one; a file in it is
            missing, unlisted or changed; it has no SavedModel.
    """
    name = f"version {package.version} of {models.group} ({package.model_data})"
    if not package.model_data:
        _refuse(name, "its package names no artifact")
    if not package.archived:
        _refuse(name, "its package names files (ModelDataSource), not one archive, model.tar.gz")
    archive, folder = work / "model.tar.gz", work / "model"
    models.fetch(package.model_data, archive)
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    registered = package.metadata.get(_SHA256)
    if registered is not None and registered != sha256:
        _refuse(name, f"its SHA-256 is {sha256}, not {registered}, which was registered")
    files = unpack(archive, folder, name)
    archive.unlink()
    model = _read_model_document(folder, name)
    _check_files(folder, files, model, name)
    if f"{SAVED_MODEL}/saved_model.pb" not in files:
        _refuse(name, f"it has no SavedModel in a folder {SAVED_MODEL}, only {', '.join(sorted(files)[:10])}")
    classes = model.get("class_names")
    if not isinstance(classes, list) or not classes or not all(isinstance(each, str) for each in classes):
        _refuse(name, f"class_names in its model.json must be a list of texts, not {classes!r}")
    return Artifact(package, folder, sha256, tuple(classes))


def _read_model_document(folder: Path, name: str) -> dict[str, Any]:
    try:
        model = json.loads((folder / "model.json").read_bytes())
    except (OSError, ValueError) as error:
        _refuse(name, f"its model.json cannot be read: {error}")
    if not isinstance(model, dict):
        _refuse(name, f"its model.json must be a JSON object, not a {type(model).__name__}")
    return model


def _check_files(folder: Path, files: frozenset[str], model: dict[str, Any], name: str) -> None:
    listed = model.get("files")
    if not isinstance(listed, dict):
        _refuse(name, f"files in its model.json must list the digests of the other files, not {listed!r}")
    others = files - {"model.json"}
    if set(listed) != others:
        _refuse(
            name, f"its files differ from those that its model.json lists: {sorted(set(listed) ^ others)}"
        )
    for path, expected in sorted(listed.items()):
        with (folder / path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            _refuse(name, f"the SHA-256 of its {path} is {found}, not {expected}")


def _refuse(name: str, problem: str) -> NoReturn:
    raise RegistryError(
        f"Could not load {name}: {problem}. Do not use it; choose another with --model, or train it again: "
        "python -m pipeline run"
    )
