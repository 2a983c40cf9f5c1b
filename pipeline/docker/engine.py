"""The Docker engine of this machine, through its command line: is it there, has it the image, where do containers
reach us."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from pipeline.errors import FashionError

_ANSWER_SECONDS = 60
_LONGEST_QUOTE = 500
# An image of a private registry on AWS, of which the SDK's own containers are.
_ECR = re.compile(r"(?P<registry>\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?)/")


class DockerError(FashionError):
    """Docker is missing, stopped, not permitted, or lacks an image."""


def docker(*arguments: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
    """What `docker ARGUMENTS` prints.

    Raises:
        DockerError: the command fails, unless `check` is off.
    """
    done = call("docker", *arguments, environment=environment)
    if check and done.returncode != 0:
        raise DockerError(
            f"Calling docker {' '.join(arguments)}: expected exit status 0. Received: {done.returncode}, "
            f"{_quote(done)}. Check the engine with: docker info"
        )
    return done.stdout.rstrip("\n")


def require_engine() -> None:
    """Raises DockerError unless the docker command, an engine that answers, and docker compose are there."""
    doing = "Preparing TARGET=docker"
    if shutil.which("docker") is None:
        raise DockerError(
            f"{doing}: expected the docker command. Received: none on the PATH. Install Docker (on Debian: "
            "apt-get install docker.io docker-compose; on a Mac: Docker Desktop), or use TARGET=local."
        )
    answer = call("docker", "version", "--format", "{{.Server.Version}}")
    if answer.returncode != 0:
        if "permission denied" in answer.stderr.lower():
            advice = "Let your user use it: sudo usermod -aG docker $USER, then log in again"
        else:
            advice = (
                "Start it (Linux: sudo systemctl start docker, or sudo dockerd; Mac: open Docker Desktop)"
            )
        raise DockerError(
            f"{doing}: expected a Docker engine that answers. Received: {_quote(answer)} {advice}; check with: "
            "docker info. Or use TARGET=local."
        )
    if not _has_compose():
        raise DockerError(
            f"{doing}: expected docker compose, which the SDK's local mode uses. Received: neither the plugin "
            "(docker compose) nor docker-compose. Install one: on Debian, apt-get install docker-compose; else see "
            "https://docs.docker.com/compose/install/"
        )


def require_image(image: str) -> None:
    """Raises DockerError unless the engine has `image`. None is pulled: they are large, and AWS's are private."""
    if call("docker", "image", "inspect", "--format", "{{.Id}}", image).returncode == 0:
        return
    if found := _ECR.match(image):
        advice = (
            "Get it with an account that may read it: aws ecr get-login-password --region "
            f"{found['region']} | docker login --username AWS --password-stdin {found['registry']}; "
            f"then: docker pull {image}"
        )
    else:
        advice = (
            "Build this project's own with: make image (where no registry can be reached: make image "
            "BASE=<an image that you have, with Python 3.11 or later, pip and bash>); "
            "get any other with: docker pull"
        )
    raise DockerError(
        f"Preparing TARGET=docker: expected the image {image}. Received: no such image in this engine. {advice}"
    )


@dataclass(frozen=True)
class Address:
    """Where a server listens so that containers reach it, and the name under which they do."""

    listens_at: str
    reached_at: str


def find_address() -> Address:
    """The address of this machine on Docker's bridge, which containers reach and other machines do not.

    Where the engine runs in a virtual machine (Docker Desktop) its bridge is not here, but such engines lead
    host.docker.internal to our loopback.
    """
    option = '{{index .Options "com.docker.network.bridge.name"}}'
    bridge = docker("network", "inspect", "bridge", "--format", option)
    for address in psutil.net_if_addrs().get(bridge, ()):
        if address.family == socket.AF_INET:
            return Address(address.address, address.address)
    return Address("127.0.0.1", "host.docker.internal")


def _has_compose() -> bool:
    """Whether the SDK will find compose: the plugin from version 2, or the older command."""
    plugin = call("docker", "compose", "version")
    found = re.search(r"version\s+v?(\d+)", plugin.stdout) if plugin.returncode == 0 else None
    return bool(found and int(found[1]) >= 2) or shutil.which("docker-compose") is not None


def call(*command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that answers soon, whatever its exit status. Raises DockerError when it does not answer."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_ANSWER_SECONDS,
            check=False,
            # Ctrl-C is for us: we still have to ask Docker to stop containers.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise DockerError(
            f"Calling {' '.join(command)}: expected an answer within {_ANSWER_SECONDS} s. Received: none. "
            "The Docker engine hangs: restart it."
        ) from None


def _quote(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr.strip() or done.stdout.strip())[-_LONGEST_QUOTE:] or "nothing"
