"""The container engine of this machine, through its command line: Docker's, or podman's, which is alike."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from pipeline.errors import FashionError, UsageError
from pipeline.local.jobs.image import Image

_ANSWER_SECONDS = 60
_LONGEST_QUOTE = 500
_PROGRAMS = ("docker", "podman")


class EngineError(FashionError):
    """The engine did not do what it was asked to."""


class EngineMissing(EngineError, UsageError):
    """There is no engine that could be used: nothing was started."""


@dataclass(frozen=True)
class Address:
    """Where a server listens so that containers reach it, the name under which they do, and on which network.

    `network` None is the engine's own; "host" is this machine's.
    """

    listens_at: str
    reached_at: str
    network: str | None = None


@dataclass(frozen=True)
class Engine:
    """The engine that the command `program` leads to; `is_podman`: it is podman, perhaps under Docker's name."""

    program: str
    is_podman: bool = False

    def __call__(self, *arguments: str) -> str:
        """What `docker ARGUMENTS` prints.

        Raises:
            EngineError: the command fails, or does not answer.
        """
        done = call(self.program, *arguments)
        if done.returncode != 0:
            raise EngineError(
                f"{self.name} {' '.join(arguments)} ended with status {done.returncode}: {quote(done)}. Check the "
                f"engine with: {self.name} info"
            )
        return done.stdout.rstrip("\n")

    def quietly(self, *arguments: str) -> str:
        """The same where a failure does not matter: "" then."""
        done = call(self.program, *arguments)
        return done.stdout.rstrip("\n") if done.returncode == 0 else ""

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "podman" if self.is_podman else "docker"

    def find_image(self, name: str) -> Image | None:
        """The image of that name, or digest, None when the engine has none; nothing is pulled."""
        done = call(self.program, "image", "inspect", name)
        if done.returncode != 0:
            return None
        (found,) = json.loads(done.stdout)
        config = found.get("Config") or {}
        return Image(
            name,
            str(found["Id"]),
            tuple(config.get("Entrypoint") or ()),
            tuple(config.get("Cmd") or ()),
        )

    @cached_property
    def address(self) -> Address:
        """The address of this machine on Docker's bridge, which containers reach and other machines do not.

        Where the engine runs in a virtual machine (Docker Desktop) its bridge is not here, but such engines lead
        host.docker.internal to our loopback. podman makes its bridge with the first container, which is too late
        for a server that is to listen there: its containers share this machine's network.
        """
        import psutil

        if self.is_podman:
            return Address("127.0.0.1", "127.0.0.1", "host")
        option = '{{index .Options "com.docker.network.bridge.name"}}'
        bridge = self("network", "inspect", "bridge", "--format", option)
        for address in psutil.net_if_addrs().get(bridge, ()):
            if address.family == socket.AF_INET:
                return Address(address.address, address.address)
        return Address("127.0.0.1", "host.docker.internal")

    @cached_property
    def is_rootless(self) -> bool:
        """Whether root in a container is the user on this machine."""
        form = "{{.Host.Security.Rootless}}" if self.is_podman else "{{.SecurityOptions}}"
        said = self.quietly("info", "--format", form)
        return said == "true" if self.is_podman else "rootless" in said

    @cached_property
    def has_gpus(self) -> bool:
        """Whether containers can be given NVIDIA's GPUs."""
        return not self.is_podman and '"nvidia"' in self.quietly("info", "--format", "{{json .Runtimes}}")


def find_engine() -> Engine:
    """The engine of this machine: Docker's where there is one, else podman.

    Raises:
        EngineMissing: there is no command of either, or no engine that answers; the message says what to do.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    without = "Or run without containers: leave --launcher out."
    if program is None:
        raise EngineMissing(
            "Jobs cannot run in containers: neither docker nor podman is on the PATH. Install one (on Debian: "
            f"apt-get install docker.io; on a Mac: Docker Desktop). {without}"
        )
    is_podman = "podman" in call(program, "--version").stdout.lower()
    side = "Client" if is_podman else "Server"
    answer = call(program, "version", "--format", f"{{{{.{side}.Version}}}}")
    if answer.returncode != 0:
        if "permission denied" in answer.stderr.lower():
            advice = "Let your user use it: sudo usermod -aG docker $USER, then log in again"
        else:
            advice = (
                "Start it (Linux: sudo systemctl start docker, or sudo dockerd; Mac: open Docker Desktop)"
            )
        raise EngineMissing(
            f"Jobs cannot run in containers: the engine does not answer: {quote(answer)} {advice}; check with: "
            f"docker info. {without}"
        )
    return Engine(program, is_podman)


def call(*command: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that answers soon, whatever its exit status. Raises EngineError when it does not answer."""
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
            # Ctrl-C is for us: we still have to ask the engine to remove containers.
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"{' '.join(command[:3])} … did not answer within {_ANSWER_SECONDS} s: the container engine hangs. "
            "Restart it."
        ) from None


def quote(done: subprocess.CompletedProcess[str]) -> str:
    """The end of what a command said."""
    said = re.sub(r"\s+", " ", done.stderr.strip() or done.stdout.strip())
    return said[-_LONGEST_QUOTE:] or "nothing was said"
