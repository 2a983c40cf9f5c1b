"""The process that commands of the tests are forked from: `python tests/commands_template.py DESCRIPTOR`.

It has imported what commands import, the SageMaker SDK and what draws reports when the first comes that needs it, so
that each starts at once; forked.py starts and asks it. For each request it forks a watcher, which forks the command and tells its end.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

# What most commands import.
COMMON = (
    "boto3",
    "numpy",
    "rich.console",
    "rich.live",
    "rich.table",
    "rich.progress",
    "pipeline.cli.main",
    "pipeline.cli.entrance",
    "pipeline.cli.commands.run",
    "pipeline.cli.commands.resume",
    "pipeline.cli.commands.show",
    "pipeline.cli.commands.executions",
    "pipeline.cli.commands.registry",
    "pipeline.cli.commands.logs",
    "pipeline.targets.local",
)
# Their jobs take TensorFlow, unless they are of a definition. A command with this variable forks them in any case.
WITH_TRAININGS = {"run", "resume", "study", "smoke"}
FORKED_JOBS = "FORKED_JOBS_OF_TESTS"
SDK = ("pipeline.definition.builder", "pipeline.definition.sdk_monitor")
# What draws reports.
REPORT = (
    "pipeline.report.page",
    "pipeline.report.writing",
    "pipeline.report.figures.svg",
    "matplotlib.backends.backend_svg",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.metrics",
    "statsmodels.stats.contingency_tables",
    "statsmodels.stats.proportion",
)
WITH_REPORT = {"run", "resume", "study", "report"}
# A command with this variable waits so much less than users' commands where it sleeps: between two looks at what
# AWS does, say. Nothing that it imports or starts is told of it.
HURRY = "HURRY_OF_TESTS"
MOST_BYTES = 1 << 20


def main() -> None:
    """Serve until the one who asks is gone; in a command, run it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = str(Path.cwd())  # as `python -m` has it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # A terminal sends them to all: whoever asks ends it.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # No watcher is waited for.
    prepare(COMMON)
    read_descriptions()
    # A package of this name is installed, too.
    sys.modules["tests"] = ModuleType("tests")
    sys.modules["tests"].__path__ = [str(Path(__file__).parent)]
    from tests.forked_popen import fork_jobs, fork_programs

    fork_programs()
    request = serve(control)
    if request is None:
        return
    words = request["words"]
    own = bool(words) and words[0] in WITH_TRAININGS and "--definition" not in words
    if request["environment"].pop(FORKED_JOBS, "") or own:
        fork_jobs()
    become(request)


def prepare(modules: tuple[str, ...]) -> None:
    """Import them, once."""
    before = dict(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if modules is SDK:
            os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
            from pipeline.definition import compiling

            os.environ.update(dict.fromkeys(compiling._CONFIG_FILES, str(compiling.SDK_DEFAULTS)))
        for name in modules:
            importlib.import_module(name)
    os.environ.clear()
    os.environ.update(before)
    gc.collect()
    gc.freeze()


def share_descriptions() -> None:
    """Give botocore's sessions one reader of what services look like; those with a folder of their own keep it."""
    from botocore import loaders, session

    class Once(list[str]):
        """Paths, each once: boto3 adds its own with every session, and each is searched for what is not found."""

        def append(self, path: str) -> None:
            if path not in self:
                super().append(path)

    shared = loaders.Loader(extra_search_paths=Once())
    session.create_loader = lambda path=None: shared if path is None else loaders.create_loader(path)


def read_descriptions() -> None:
    """Let commands have read what the services that most ask look like."""
    import boto3

    share_descriptions()
    nobody = boto3.Session("none", "none", region_name="us-east-1")
    for service in ("s3", "sagemaker"):
        nobody.client(service).close()
    gc.freeze()


def serve(control: socket.socket) -> dict[str, Any] | None:
    """Fork what is asked for; returns in the command with its request, and with None when nobody asks any more."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MOST_BYTES, 4)
        if not message:
            return None
        request: dict[str, Any] = json.loads(message)
        if request["sdk"] and SDK[-1] not in sys.modules:
            prepare(SDK)
        if set(request["words"][:1]) & WITH_REPORT and REPORT[-1] not in sys.modules:
            prepare(REPORT)
        if os.fork() == 0:
            control.close()
            watch(*descriptors)
            return request
        for each in descriptors:
            os.close(each)


def watch(told: int, *streams: int) -> None:
    """Fork the command, tell its process id and then how it ended, and end; returns in the command."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if (command := os.fork()) != 0:
        with socket.socket(fileno=told) as teller:
            teller.sendall(command.to_bytes(8, "big"))
            _, status = os.waitpid(command, 0)
            # Who asked may have ended.
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            try:
                teller.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))
            finally:
                os._exit(0)
    os.close(told)
    for place, descriptor in enumerate(streams):
        os.dup2(descriptor, place)
        os.close(descriptor)


def become(request: dict[str, Any]) -> None:
    """Be `python -m pipeline WORDS…`, with the environment that is asked for."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    if hurry := os.environ.pop(HURRY, None):
        sleep_less(float(hurry))
    tempfile.tempdir = None
    sys.argv = ["pipeline", *request["words"]]
    runpy.run_module("pipeline", run_name="__main__", alter_sys=True)


def sleep_less(times: float) -> None:
    """Let this process sleep a fraction of what it is told to."""
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(float(seconds) / times)


if __name__ == "__main__":
    main()
