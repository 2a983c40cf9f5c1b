"""The command line that runs a program in a container, and the environment that it is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.local.jobs.container import ML
from pipeline.local.jobs.image import InImage
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.sweep import FOLDER, OWNER, USER, mount
from pipeline.local.jobs.launchers.launcher import ToStart

# What decides how the engine's own command works. A job's variables of these names are written out on its command
# line; all others go through its environment, which other users of the machine cannot read.
_ENGINES_OWN = re.compile(
    r"PATH|HOME|USER|TMPDIR|LANG|LC_.*|TERM|(?:XDG|LD|DYLD|DOCKER|BUILDKIT|BUILDAH|CONTAINERS?|PODMAN|REGISTRY|SSL)_.*"
    r"|GO[A-Z]+|(?:HTTPS?|NO|ALL|FTP)_PROXY",
    re.IGNORECASE,
)
# Where a container serves ("Use Your Own Inference Code with Hosting Services").
SERVED = 8080


# The variable that names another port to it.
PORT_VARIABLE = "SAGEMAKER_BIND_TO_PORT"
_TERMINAL = ("--interactive", "--tty")
# podman's init (catatonit, since podman 4 at this place) tells the program alone of signals, and takes no variable:
# so it starts itself once more, with the flag that tells all of the program's group.
_PODMANS_INIT = ("/run/podman-init", "-g", "--")


@dataclass(frozen=True)
class ToRun:
    """A container to run: what is `asked` for ("/" as its folder means the image's own one), in a container `of`.

    `owner` is the identity of the process that wants it; `user` whose its files are to be, "" if they are already.
    `network` is the one to join, and `shared_memory` the size of its /dev/shm in bytes.
    """

    name: str
    owner: str
    asked: ToStart
    of: InImage
    network: str | None = None
    user: str = ""
    shared_memory: int | None = None
    cores: int | None = None


def run_command(engine: Engine, run: ToRun) -> list[str]:
    """The words that run it, attached: it ends with the program's own exit status, and hands on signals.

    A small init (--init) is the container's first process: as such a job would ignore SIGTERM.
    """
    container = run.asked.container
    folders = [ML, *(place for place in container.mounts if not _is_below(place, ML))]
    terminal = _TERMINAL if run.asked.terminal else ()
    words = [engine.program, "run", *terminal, "--init", "--pull", "never", "--user", "0:0"]
    words += ["--name", run.name, "--hostname", run.of.host]
    for label, value in ((OWNER, run.owner), (FOLDER, str(container.root)), (USER, run.user)):
        words += ["--label", f"{label}={value}"]
    for folder in dict.fromkeys(folder.rstrip("/") for folder in folders):
        words += ["--mount", mount(str(container.path(folder)), folder)]
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
    if run.asked.port is not None and run.network != "host":
        words += ["--publish", f"127.0.0.1:{run.asked.port}:{SERVED}"]
    if run.asked.cwd != "/":
        words += ["--workdir", run.asked.cwd]
    for name, value in run.asked.environment.items():
        words += ["--env", f"{name}={value}" if _ENGINES_OWN.fullmatch(name) else name]
    init: tuple[str, ...] = _PODMANS_INIT if engine.is_podman else ()
    program, *arguments = (*init, *run.asked.command)
    return [*words, "--entrypoint", program, run.of.image.name, *arguments]


def run_environment(user: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of that command: the `user`'s, in which the job's variables are found by their names."""
    passed = {name: value for name, value in environment.items() if not _ENGINES_OWN.fullmatch(name)}
    kept = {name: value for name, value in user.items() if not name.upper().startswith("AWS_")}
    return {**kept, **passed}


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
