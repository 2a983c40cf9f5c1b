"""Fetches the artifact of a model: from the local S3, unpacked where its server looks for it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local.jobs.archive import unpack
from pipeline.local.jobs.channels import download, s3_errors
from pipeline.local.state.local_aws import LocalAws
from pipeline.spec.definition import Json


def fetch_model(
    aws: LocalAws, container: Mapping[str, Json], folder: Path, aside: Path, stop: threading.Event
) -> tuple[str, int] | None:
    """Put the artifact that a model's `container` names into `folder`; `aside` is for the archive.

    Returns its address and size; None for a model that has none.

    Raises:
        StepFailed: it is not there, or cannot be unpacked.
        StepStopped: `stop` was set.
    """
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = container.get("ModelDataUrl") or source.get("S3Uri")
    if not uri:
        return None
    packed = source.get("CompressionType", "Gzip") == "Gzip"
    place = aside if packed else folder
    place.mkdir(parents=True, exist_ok=True)
    size = download(aws, uri, place, stop=stop)
    if packed:
        # Beside it others may lie whose names begin alike.
        archive = place / uri.rpartition("/")[2]
        if not archive.is_file():
            raise StepFailed(f"There is no object {uri} in the local S3, only some whose names begin so.")
        with s3_errors(f"Unpacking {uri}"):
            unpack(archive, folder, uri)
    return uri, size
