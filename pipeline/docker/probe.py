"""Tries, before anything starts, what every job will need: our files and our local S3, from within a container."""

from __future__ import annotations

import secrets
from pathlib import Path

from pipeline.docker.engine import DockerError, docker

_REACH = """
import sys, urllib.request
sys.exit("NO FILE") if open("/mnt/probe").read() != sys.argv[2] else None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(sys.argv[1], timeout=10).read()
"""


def require_reach(image: str, endpoint: str, folder: Path) -> None:
    """Raises DockerError unless a container of `image` can read `folder`, mounted, and reaches `endpoint`."""
    token = secrets.token_hex(8)
    probe = folder / "probe"
    probe.write_text(token)
    try:
        docker(
            "run", "--rm", "--volume", f"{folder}:/mnt:ro", "--entrypoint", "python3", image,
            "-c", _REACH, endpoint, token,
        )  # fmt: skip
    except DockerError as error:
        if "/mnt/probe" in str(error) or "NO FILE" in str(error):
            advice = (
                "The engine does not see this machine's files: it runs elsewhere. Use an engine on this machine "
                f"(docker context ls), and one that may share {folder}."
            )
        else:
            advice = (
                "Let containers reach this machine: a firewall may drop what comes from Docker's bridge "
                "(with ufw: sudo ufw allow in on docker0). The image must have python3."
            )
        raise DockerError(
            f"Preparing TARGET=docker: expected a container of {image} to read {folder} and to reach the local S3 "
            f"at {endpoint}. Received: {error} {advice}"
        ) from error
    finally:
        probe.unlink()
