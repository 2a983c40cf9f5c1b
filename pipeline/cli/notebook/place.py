"""Where the notebook runs: in a space of SageMaker Studio, under which role and in which region, or elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Studio writes it into each space; the SageMaker SDK reads the same file.
METADATA = Path("/opt/ml/metadata/resource-metadata.json")
# There when the domain's DockerSettings have EnableDockerAccess.
DOCKER_SOCKET = Path("/var/run/docker.sock")
APPS = {"JupyterLab": "JupyterLab", "CodeEditor": "Code Editor", "KernelGateway": "Studio Classic"}


@dataclass(frozen=True)
class Place:
    """`app` is None outside Studio. `role` is the ARN of the space's execution role, None when it is not known.

    `docker`: whether Docker's socket is there; `docker_command`: whether the command is, too.
    """

    app: str | None
    space: str | None
    domain: str | None
    region: str | None
    role: str | None
    docker: bool
    docker_command: bool

    @property
    def in_studio(self) -> bool:
        """Whether this is a space of SageMaker Studio."""
        return self.app is not None

    def facts(self) -> list[tuple[str, str]]:
        """Names and values, for the reader."""
        if not self.in_studio:
            return [
                ("Place", "this machine, not SageMaker Studio"),
                ("Execution role", "none, and none is needed: a local run asks for no AWS account"),
                ("Region", self.region or "none"),
                (
                    "Docker",
                    "there is an engine (TARGET=docker)" if self.docker else "no engine: TARGET=local",
                ),
            ]
        where = " ".join(part for part in (f"space {self.space}" if self.space else "", self.app) if part)
        return [
            ("Place", f"SageMaker Studio, {where}, domain {self.domain or 'unknown'}"),
            ("Execution role", self.role or "unknown: neither Studio's metadata nor STS tell it"),
            ("Region", self.region or "unknown"),
            ("Docker", self._docker_in_studio()),
        ]

    def _docker_in_studio(self) -> str:
        if not self.docker:
            return (
                "no access. TARGET=local needs none. For the SDK's local mode, an administrator sets the domain's "
                "DockerSettings to EnableDockerAccess=ENABLED; then start the space again"
            )
        if not self.docker_command:
            return "the domain allows it, but the docker command is missing: install it, see docs/studio.md"
        return "the domain allows it: the SDK's local mode can be used in this space"


def find_place(
    environ: Mapping[str, str], metadata: Path = METADATA, docker_socket: Path = DOCKER_SOCKET
) -> Place:
    """Reads Studio's metadata file and the environment; without such a file, this is not Studio."""
    known = read_metadata(metadata)
    app = known.get("AppType")
    arn = str(known.get("ResourceArn", "")).split(":")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if app is not None and len(arn) > 3:
        region = arn[3] or region
    return Place(
        app=None if app is None else APPS.get(app, app),
        space=known.get("SpaceName") or environ.get("SAGEMAKER_SPACE_NAME"),
        domain=known.get("DomainId"),
        region=region,
        role=known.get("ExecutionRoleArn"),
        docker=docker_socket.is_socket(),
        docker_command=shutil.which("docker", path=environ.get("PATH")) is not None,
    )


def read_metadata(file: Path) -> dict[str, Any]:
    """The content of Studio's metadata file; empty where there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
