"""Chooses a registered model, fetches and loads it, and says which it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.inference.predicting.artifact import Artifact, fetch_artifact
from pipeline.inference.predicting.models import Models
from pipeline.inference.predicting.saved_model import SavedModel
from pipeline.local.state.state_dir import Home
from pipeline.printable import printable
from pipeline.registry import Package, choose_package

APPROVED = "Approved"


@dataclass(frozen=True)
class LoadedModel:
    """A registered model in memory. `name` says which, in a few words."""

    group: str
    artifact: Artifact
    saved_model: SavedModel

    @property
    def package(self) -> Package:
        """The registered package."""
        return self.artifact.package

    @property
    def name(self) -> str:
        """For example "fashion-mnist version 3 (cnn-3x3, seed 0, Approved)"."""
        known = self.package.metadata
        what = [
            known[key] if key == "candidate" else f"{key} {known[key]}"
            for key in ("candidate", "seed")
            if key in known
        ]
        details = ", ".join([*what, self.package.approval])
        return printable(f"{self.group} version {self.package.version} ({details})")

    def as_json(self) -> dict[str, Any]:
        """Which model it is, as plain JSON values."""
        return {
            "group": self.group,
            "version": self.package.version,
            "model_package_arn": self.package.arn,
            "model_approval_status": self.package.approval,
            "artifact_sha256": self.artifact.sha256,
        }


def loaded_model(models: Models, version: int | None, home: Home, say: Callable[[str], None]) -> LoadedModel:
    """The model of that version, or the newest approved; `say` is told when it is not approved.

    Raises:
        RegistryError: there is no such version, or its artifact is not what was registered.
    """
    package = choose_package(models.packages(), version, models.group)
    if package.approval != APPROVED:
        approve = f"python -m pipeline registry approve {package.version}"
        which = (
            "no version is approved; the newest is used" if version is None else f"it is {package.approval}"
        )
        say(f"Note on version {package.version} of {models.group}: {which}. Approve it with: {approve}")
    work = home.scratch(f"model-{package.version}")
    work.mkdir()
    try:
        artifact = fetch_artifact(models, package, work)
        return LoadedModel(
            models.group, artifact, SavedModel(artifact.saved_model, f"version {package.version}")
        )
    finally:
        shutil.rmtree(work, ignore_errors=True)
