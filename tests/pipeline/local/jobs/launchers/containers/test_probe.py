"""What is said when a container does not reach what jobs need; the engine only pretends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.local.jobs.image import Image
from pipeline.local.jobs.launchers.containers.engine import EngineMissing, find_engine
from pipeline.local.jobs.launchers.containers.probe import require_reach

IMAGE = Image("jobs:1", "sha256:1")


def probe(fake_docker: Callable[..., Path], folder: Path, status: int, said: str = "as it said") -> None:
    fake_docker(f'case "$1" in run) echo "{said}" >&2; exit {status} ;; *) echo 28 ;; esac')
    (folder / "probing").mkdir()
    require_reach(find_engine(), IMAGE, "http://here:1", None, folder / "probing")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (3, r"cannot read and write .*docker context ls"),
        (4, r"does not reach the local S3 at http://here:1 .*as it said.*ufw"),
        (126, r"does not start \(exit status 126: as it said\)\. Try it: docker run"),
    ],
)
def test_a_fault_is_said_with_what_to_do(
    fake_docker: Callable[..., Path], tmp_path: Path, status: int, said: str
) -> None:
    with pytest.raises(EngineMissing, match=rf"one of jobs:1 {said}"):
        probe(fake_docker, tmp_path, status)


def test_what_podman_lacks_is_said(fake_docker: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"does not start .*Install podman's init .*catatonit"):
        probe(fake_docker, tmp_path, 125, "Error: container-init binary not found on the host")


@pytest.mark.parametrize("status", [0, 127], ids=["reached", "an image without a shell"])
def test_what_reaches_all_or_cannot_be_asked_is_let_through(
    fake_docker: Callable[..., Path], tmp_path: Path, status: int
) -> None:
    probe(fake_docker, tmp_path, status)
