"""Which launcher an execution has: the one that was asked for, else the best that this machine allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline.errors import UsageError
from pipeline.local.jobs.launchers.launcher import Launcher
from pipeline.local.jobs.launchers.process import Process
from pipeline.local.jobs.launchers.sandbox import Sandbox, Trial
from pipeline.local.jobs.launchers.surroundings import needed_folders
from pipeline.local.state.state_dir import Home

if TYPE_CHECKING:
    from pipeline.local.jobs.launchers.containers.images import ImageChoice

Wanted = Literal["auto", "sandbox", "process", "container"]
WANTED: tuple[Wanted, ...] = ("auto", "sandbox", "process", "container")


def try_sandbox(home: Home, environ: Mapping[str, str]) -> Trial:
    """Begin to find out whether this machine allows a sandbox, for choose_launcher to know it then."""
    return Trial(Sandbox(needed_folders(home.root, environ), (), home.temporary, home), home.temporary)


def choose_launcher(
    wanted: Wanted,
    home: Home,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    *,
    visible: Iterable[Path] = (),
    protected: Sequence[Path] = (),
    images: Sequence[ImageChoice] = (),
    trial: Trial | None = None,
) -> Launcher:
    """The launcher `wanted`; "auto" is a sandbox, or a process where none can be made, which `say` explains.

    In containers, with `images` chosen for steps or in the place of others, what has no image runs as in "auto".
    `visible`: what jobs must find besides, `protected`: what they must not change where that can be had. `trial`:
    of such a sandbox, perhaps.

    Raises:
        UsageError: a sandbox, or an engine for containers, is wanted and cannot be had.
    """
    if wanted == "container":
        from pipeline.local.jobs.launchers.containers.engine import find_engine
        from pipeline.local.jobs.launchers.containers.launcher import Containers

        engine = find_engine()
        beside = choose_launcher(
            "auto", home, environ, say, visible=visible, protected=protected, trial=trial
        )
        return Containers(engine, images, beside, environ)
    needed = needed_folders(home.root, environ, visible)
    process = Process(needed)
    if wanted == "process":
        return process
    if trial is not None and trial.sandbox.is_for(needed, protected):
        sandbox, fault = trial.sandbox, trial.fault()
    else:
        sandbox = Sandbox(needed, protected, home.temporary, home)
        fault = sandbox.fault(home.temporary)
    if fault is None:
        return sandbox
    if wanted == "sandbox":
        raise UsageError(
            f"This machine does not allow a sandbox for jobs: {fault}. Leave --launcher out: jobs then run as "
            "plain processes, whose paths below /opt/ml are mapped where the request names them."
        )
    say(
        f"Jobs run as plain processes, because this machine does not allow a sandbox ({fault}): a script that has "
        "/opt/ml/… written into it will not work."
    )
    return process
