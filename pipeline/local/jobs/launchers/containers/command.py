"""The command line that runs a program in a container, and the environment that it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.local.jobs.container import ML, Container
from pipeline.local.jobs.image import InImage
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.sweep import FOLDER, OWNER, USER, mount

# What decides how the engine's own command works. A job's variables of these names are written out on its command
# line; all others go through its environment, which other users of the machine cannot read.
_ENGINES_OWN = re.compile(
    r"PATH|HOME|USER|TMPDIR|LANG|LC_.*|TERM|(?:XDG|LD|DYLD|DOCKER|BUILDKIT|BUILDAH|CONTAINERS?|PODMAN|REGISTRY|SSL)_.*"
    r"|GO[A-Z]+|(?:HTTPS?|NO|ALL|FTP)_PROXY",
    re.IGNORECASE,
)
# Where a container serves ("Use Your Own Inference Code with Hosting Services").
SERVED = 8080


@dataclass(frozen=True)
class ToRun:
    """A container to run: `command` in the folder `cwd` ("/": the image's own one) with `environment`.

    `owner` is the identity of the process that wants it; `user` whose its files are to be, "" if they are already.
    `network` is the one to join, `shared_memory` the size of its /dev/shm in bytes, and `port` one of this
    machine's loopback interface that leads to where the container serves.
    """

    name: str
    owner: str
    container: Container
    of: InImage
    command: Sequence[str]
    cwd: str
    environment: Mapping[str, str]
    network: str | None = None
    user: str = ""
    shared_memory: int | None = None
    cores: int | None = None
    terminal: Sequence[str] = ()
    port: int | None = None


def run_command(engine: Engine, run: ToRun) -> list[str]:
    """The words that run it, attached: it ends with the program's own exit status, and hands on signals.

    A small init (--init) is the container's first process: as such a job would ignore SIGTERM.
    """
    root = run.container.root
    folders = [ML, *(place for place in run.container.mounts if not _is_below(place, ML))]
    words = [engine.program, "run", *run.terminal, "--init", "--pull", "never", "--user", "0:0"]
    words += ["--name", run.name, "--hostname", run.of.host]
    for label, value in ((OWNER, run.owner), (FOLDER, str(root)), (USER, run.user)):
        words += ["--label", f"{label}={value}"]
    for folder in dict.fromkeys(folder.rstrip("/") for folder in folders):
        words += ["--mount", mount(str(run.container.path(folder)), folder)]
    if run.network is not None:
        words += ["--network", run.network]
        if run.network == run.of.network:
            words += ["--network-alias", run.of.host]
    if run.cores is not None:
        words += ["--cpus", str(run.cores)]
    if run.shared_memory is not None:
        words += ["--shm-size", str(run.shared_memory)]
    if run.of.gpus and engine.has_gpus:
        words += ["--gpus", f'"device={",".join(run.of.gpus)}"']
    if run.port is not None:
        words += ["--publish", f"127.0.0.1:{run.port}:{SERVED}"]
    if run.cwd != "/":
        words += ["--workdir", run.cwd]
    for name, value in run.environment.items():
        words += ["--env", f"{name}={value}" if _ENGINES_OWN.fullmatch(name) else name]
    program, *arguments = run.command
    return [*words, "--entrypoint", program, run.of.image.name, *arguments]


def run_environment(user: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of that command: the `user`'s, in which the job's variables are found by their names."""
    passed = {name: value for name, value in environment.items() if not _ENGINES_OWN.fullmatch(name)}
    kept = {name: value for name, value in user.items() if not name.upper().startswith("AWS_")}
    return {**kept, **passed}


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
