"""What every target can do: the commands' way in, whichever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pipeline.definition.settings import Settings
from pipeline.local.state.state_dir import Home
from pipeline.registry import Package, Registry


class Target(Protocol):
    """A place where pipelines run: LocalTarget is this machine, SageMakerTarget an AWS account.

    How an execution is started and followed is each one's own: here a process runs it, there it is asked about.
    """

    name: str
    home: Home

    def compile(self, settings: Settings) -> str:
        """The compiled definition; its code is in the target's S3 afterwards."""

    def upload_data(self, settings: Settings, folder: Path) -> str:
        """Puts the data set's files into the target's S3, addressed by content, and returns their S3 folder."""

    def registry(self, group: str) -> Registry:
        """The model registry of a group."""

    def newest_approved(self, group: str) -> Package | None:
        """The approved version of the group with the highest number; None when none is."""
