"""What other projects' tests say of how a definition is to run (testing.py), as the engine takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.local.jobs.functions.handler import parse_handler
from pipeline.local.jobs.interpreter import find_interpreter
from pipeline.local.jobs.launchers.choice import WANTED
from pipeline.local.jobs.launchers.containers.images import parse_image
from pipeline.local.jobs.stand_in import parse_stand_in
from pipeline.near_match import did_you_mean


def engine_options(options: Mapping[str, Any], *, containers: bool) -> dict[str, Any]:
    """`options` of LocalPipeline.run as start_execution takes them; `containers`: its jobs run in containers.

    Files are relative to the working directory.

    Raises:
        UsageError: one of them has a value that nothing can be done with.
    """
    given = dict(options)
    if "launcher" in given:
        _check_launcher(given["launcher"], containers)
    most = given.get("max_parallel")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise UsageError(f"max_parallel is {most!r}: give a whole number of at least 1.")
    only = given.get("only", ())
    if isinstance(only, str):
        raise UsageError(f"only is {only!r}: give a list of steps.")
    if only and given.get("source") is None:
        raise UsageError(
            "only some steps can run on what an earlier execution left: give its record, source=result.record."
        )
    folder = Path.cwd()
    readers: dict[str, Callable[[str], object]] = {
        "handlers": lambda text: parse_handler(text, folder),
        "stand_ins": lambda text: parse_stand_in(text, folder),
        "images": parse_image,
    }
    for name, read in readers.items():
        if isinstance(given.get(name), Mapping):
            given[name] = [read(f"{of}={what}") for of, what in given[name].items()]
    if isinstance(given.get("python"), str | Path):
        given["python"] = find_interpreter(str(given["python"]))
    return given


def _check_launcher(launcher: object, containers: bool) -> None:
    if launcher == "container" and not containers:
        raise UsageError('Jobs run in containers with containers=True, and not with launcher="container".')
    if launcher not in WANTED:
        hint = did_you_mean(str(launcher), WANTED)
        raise UsageError(f"There is no launcher {launcher!r}.{hint} There are: {', '.join(WANTED)}.")
