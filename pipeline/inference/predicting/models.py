"""Where registered models come from: the local state folder, or an account on AWS."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import RegistryError, StateError
from pipeline.local.state.objects import Objects, split_uri
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.registry import Package, Registry, packages_of_group
from pipeline.targets.aws.aws_errors import AWS_ERRORS

MAX_ARTIFACT_BYTES = 1 << 30  # the largest model of the study has a few megabytes


class Models(Protocol):
    """The registered models of one model package group.

    `s3` is boto3's client for the buckets of the account that they are in; None: they are in the local S3.
    """

    group: str
    s3: Any | None

    def packages(self) -> list[Package]:
        """Every version, newest first."""
        ...

    def fetch(self, uri: str, path: Path) -> None:
        """Copies the artifact at the s3:// URI to the file `path`; raises RegistryError when there is none."""
        ...


class LocalModels:
    """What the state folder holds. Read from disk: needs no server, and nobody has to wait for a run to end."""

    def __init__(self, home: Home, store: Store, group: str) -> None:
        self.group = group
        self.s3 = None
        self._registry = RegistryState(store)
        self._objects = Objects(home, store)

    def packages(self) -> list[Package]:
        """Every version, newest first."""
        return packages_of_group(self._registry.packages(), self.group)

    def fetch(self, uri: str, path: Path) -> None:
        """Copies a stored artifact, whose content is checked against its digest.

        Raises:
            RegistryError: there is no such object.
            StateError: it is damaged, or the disk does not take the copy.
        """
        stored = self._objects.find(*split_uri(uri))
        if stored is None:
            raise RegistryError(
                f"There is no model {uri} in the local S3. Train it again: python -m pipeline run"
            )
        self._objects.check(stored)
        try:
            shutil.copyfile(self._objects.path(stored), path)
        except OSError as error:
            raise _unwritable(f"Copying the model {uri}", path, error) from error


class AwsModels:
    """A registry on AWS (or any other that speaks its API), and the bucket that its artifacts are in."""

    def __init__(self, sagemaker: Any, s3: Any, group: str) -> None:
        self.group = group
        self._registry = Registry(sagemaker, group)
        self.s3 = s3

    def packages(self) -> list[Package]:
        """Every version, newest first."""
        try:
            return self._registry.packages()
        except AWS_ERRORS as error:
            raise RegistryError(
                f"Could not list the versions of the model package group {self.group}: {error}. Check "
                "credentials, region and the permission sagemaker:ListModelPackages."
            ) from error

    def fetch(self, uri: str, path: Path) -> None:
        """Downloads an artifact.

        Raises:
            RegistryError: no such object, no permission, or too large.
            StateError: the disk does not take it.
        """
        bucket, key = split_uri(uri)
        try:
            size = self.s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size > MAX_ARTIFACT_BYTES:
                raise RegistryError(
                    f"The model {uri} has {size:,} bytes, more than the {MAX_ARTIFACT_BYTES:,} allowed. It "
                    "is not one that this pipeline trained."
                )
            with path.open("wb") as file:
                for chunk in self.s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
                    file.write(chunk)
        except AWS_ERRORS as error:
            raise RegistryError(
                f"Could not download the model {uri}: {error}. Check that it exists, and the permissions "
                "s3:GetObject and kms:Decrypt."
            ) from error
        except OSError as error:
            raise _unwritable(f"Downloading the model {uri}", path, error) from error


def _unwritable(doing: str, path: Path, error: OSError) -> StateError:
    return StateError(
        f"{doing}: could not write {path}: {error.strerror or error}. Free some space there, or correct what "
        "it names."
    )
