"""Checks before anything runs that an execution's jobs can run in containers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.jobs.launchers.containers.images import check_images
from pipeline.local.jobs.launchers.containers.launcher import Containers, sweep_gone
from pipeline.local.jobs.launchers.containers.probe import require_reach
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home, scratch_name
from pipeline.spec.definition import Definition, Json, Step


def check_containers(
    launcher: Containers,
    definition: Definition,
    parameters: Mapping[str, Json],
    home: Home,
    aws: LocalAws,
    containers: Callable[[Step], list[dict[str, Json]] | None],
    within: Definition,
) -> None:
    """Check that the engine has the images of the definition's steps, and that their containers reach our files and
    our S3; `containers`, `within`: see check_images. Remove what commands that were killed have left in the engine.

    Raises:
        UsageError: an image is missing, or a container does not reach them. Nothing was started.
    """
    address = launcher.engine.address
    if aws.host != address.listens_at:
        raise UsageError(
            f"The local S3 listens at {aws.host}, where containers do not reach it: open the state folder for "
            "containers (containers=True)."
        )
    images = check_images(definition, parameters, launcher.choices, launcher.engine, containers, within)
    sweep_gone(launcher.engine)
    if not images:
        return
    endpoint = aws.job_environment(in_container=True)["AWS_ENDPOINT_URL"]
    with tempfile.TemporaryDirectory(prefix=scratch_name("probe-"), dir=home.temporary) as folder:
        require_reach(launcher.engine, images[0], endpoint, address.network, Path(folder))
