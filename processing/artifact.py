"""A training job's model artifact: fetched, unpacked and checked before anything in it is used.

evaluate.py loads one for every candidate. tests/seams/test_model_artifact.py holds the format together with what
training writes.
"""

import argparse
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from job_failure import JobError, while_doing
from s3_objects import download
from tar_extraction import extract_tar_gz

SAVED_MODEL = "1"


class ArtifactError(JobError):
    """An artifact is not what its training job must have written. The message names the candidate."""


@dataclass(frozen=True)
class Reference:
    """Which candidate, trained from which seed, and the S3 URI of its model.tar.gz."""

    name: str
    seed: int
    uri: str

    @property
    def id(self) -> str:
        """The name of the training, `<name>-<seed>`."""
        return f"{self.name}-{self.seed}"


@dataclass(frozen=True)
class Artifact:
    """An unpacked artifact whose digests are right. `sha256` is that of model.tar.gz."""

    reference: Reference
    saved_model: Path
    sha256: str
    params: int
    metrics: dict[str, Any]
    history: list[Any]
    environment: dict[str, Any]


def parse_reference(text: str) -> Reference:
    """Read `<name>-<seed>=<s3 uri>`.

    Raises:
        argparse.ArgumentTypeError: it has another form.
    """
    match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9-]*)-([0-9]+)=(s3://[^/]+/.+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"must be <name>-<seed>=s3://bucket/key, not {text!r}")
    return Reference(match[1], int(match[2]), match[3])


def load_artifact(s3: Any, reference: Reference, work: Path) -> Artifact:
    """Download the artifact of `reference`, unpack it into `work` and check it.

    Raises:
        ArtifactError: a file is missing, unlisted or changed; it is another candidate's; a field is missing.
        S3Error, TarError: it cannot be fetched or unpacked.
    """
    archive = work / f"{reference.id}.tar.gz"
    folder = work / reference.id
    sha256 = download(s3, reference.uri, archive)
    files = extract_tar_gz(archive, folder, f"{reference.id} ({reference.uri})")
    archive.unlink()

    model = _read_json(reference, folder, "model.json", dict)
    _check_digests(reference, folder, files, model)
    metrics = _read_json(reference, folder, "metrics.json", dict)
    found = (metrics.get("candidate"), metrics.get("seed"))
    if found != (reference.name, reference.seed):
        _refuse(reference, f"its metrics.json is of candidate and seed {found}")
    params = model.get("params")
    if not isinstance(params, int) or params < 1:
        _refuse(reference, f"params in model.json must be a whole number above 0, not {params!r}")
    for field in ("epochs", "train_seconds", "images_per_second"):
        if not isinstance(metrics.get(field), int | float):
            _refuse(reference, f"{field} in metrics.json must be a number, not {metrics.get(field)!r}")
    environment = _read_json(reference, folder, "environment.json", dict)
    for field in ("code_digest", "data_digest"):
        if not isinstance(environment.get(field), str):
            _refuse(
                reference, f"{field} in environment.json must be a string, not {environment.get(field)!r}"
            )
    history = _read_json(reference, folder, "history.json", list)
    return Artifact(reference, folder / SAVED_MODEL, sha256, params, metrics, history, environment)


def check_data_digest(artifact: Artifact, data_digest: str) -> None:
    """Refuse a model that was trained on other data than it is about to be compared on.

    Raises:
        ArtifactError: the artifact's data digest is not `data_digest`.
    """
    found = artifact.environment["data_digest"]
    if found != data_digest:
        _refuse(
            artifact.reference,
            f"it was trained on the data with digest {found!r}, not {data_digest}",
        )


def _check_digests(reference: Reference, folder: Path, files: frozenset[str], model: dict[str, Any]) -> None:
    listed = model.get("files")
    if not isinstance(listed, dict):
        _refuse(reference, f"files in model.json must list the digests of all other files, not {listed!r}")
    if set(listed) != files - {"model.json"}:
        difference = sorted(set(listed) ^ (files - {"model.json"}))
        _refuse(
            reference,
            f"its files differ from those that model.json lists: {', '.join(difference)}",
        )
    for name, expected in sorted(listed.items()):
        with while_doing(f"read {folder / name}"), (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            _refuse(reference, f"the SHA-256 of its {name} is {found}, not {expected}")


def _read_json(reference: Reference, folder: Path, name: str, kind: type[Any]) -> Any:
    path = folder / name
    if not path.is_file():
        _refuse(reference, f"it has no {name}")
    with while_doing(f"read {path}"):
        content = path.read_bytes()
    try:
        document = json.loads(content, parse_constant=_no_constant)
    except ValueError as error:
        _refuse(reference, f"its {name} is not JSON: {error}")
    if not isinstance(document, kind):
        _refuse(reference, f"its {name} must be a JSON {kind.__name__}, not {type(document).__name__}")
    return document


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text}, which JSON does not have")


def _refuse(reference: Reference, problem: str) -> NoReturn:
    raise ArtifactError(
        f"Could not load the model of {reference.id} from {reference.uri}: {problem}. Run its training step again."
    )
