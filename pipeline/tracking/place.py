"""Where an execution is published: the local store, an MLflow server, or SageMaker's app or tracking server."""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import StateError, UsageError
from pipeline.local.state.state_dir import Home
from pipeline.printable import without_userinfo

if TYPE_CHECKING:
    from pipeline.targets.aws.stack import StackOutputs

LOCAL = "local"
# What --mlflow alone says: the local store, or on SageMaker the MLflow app of the stack.
DEFAULT = "default"
# CreateTrainingJob, MlflowConfig, MlflowResourceArn; the two that sagemaker-mlflow knows.
_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-(?:app|tracking-server)/[A-Za-z0-9-]+"
)
_WAYS = (
    "Give --mlflow alone for the store in the state folder, --mlflow http://127.0.0.1:5000 for a server, or "
    "the ARN of an "
    "MLflow app or tracking server of SageMaker."
)


@dataclass(frozen=True)
class Place:
    """Where runs go. `uri` is MLflow's tracking URI, relative to `folder` for the local store."""

    kind: Literal["local", "server", "sagemaker"]
    uri: str
    folder: Path

    @property
    def name(self) -> str:
        """What it is called to the user, without a password."""
        return f"the local store, {self.folder}" if self.kind == "local" else without_userinfo(self.uri)


def is_arn(text: str) -> bool:
    """Whether it is the ARN of an MLflow app or tracking server."""
    return _ARN.fullmatch(text) is not None


def check_place(text: str) -> None:
    """Raises UsageError unless `text` names a place."""
    if text in (LOCAL, DEFAULT) or is_arn(text):
        return
    if text.startswith("arn:"):
        raise UsageError(
            f"Could not publish to MLflow: {text!r} is not the ARN of an MLflow app or tracking server, as in "
            "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL. Copy it from the "
            "SageMaker console."
        )
    try:
        parts = urllib.parse.urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter.isspace() for letter in text):
        raise UsageError(f"Could not publish to MLflow: {text!r} is not the address of a server. {_WAYS}")


def place_of_stack(where: str | None, stack: StackOutputs) -> str | None:
    """Where --mlflow says that executions in SageMaker are published: alone, it means the stack's MLflow app.

    Raises UsageError when the stack has none, or the place is none.
    """
    if where is not None:
        check_place(where)
    if where != DEFAULT:
        return where
    if not stack.mlflow_app:
        raise UsageError(
            f"--mlflow alone means the MLflow app of the stack {stack.name}, which has none. Make one with: "
            'make infra-deploy ARGS="--param CreateMlflowApp=true", name another by its ARN, or say --mlflow local.'
        )
    return stack.mlflow_app


def find_place(text: str, home: Home) -> Place:
    """The place that `text` names; its folder in the state folder, where publishers take turns, is there
    afterwards.

    Raises:
        UsageError: it names none.
        StateError: the folder cannot be made.
    """
    check_place(text)
    folder = home.root / "mlflow"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StateError(f"Could not make {folder} for MLflow: {error.strerror}.") from None
    if text in (LOCAL, DEFAULT):
        # Relative: whatever is in the folder's name, the URI need not say it.
        return Place("local", "sqlite:///mlflow.db", folder)
    return Place("sagemaker" if is_arn(text) else "server", text, folder)
