"""What commands that a template forks (templates.py) have imported, and what only tests tell them."""

from __future__ import annotations

import importlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

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
# The commands that take those, too.
WITH_MORE = {"run", "resume", "study", "report", "definition", "monitor"}
# Their jobs take TensorFlow, unless they are of a definition. A command with this variable forks them in any case.
WITH_TRAININGS = {"run", "resume", "study", "smoke"}
FORKED_JOBS = "FORKED_JOBS_OF_TESTS"
# A command with this variable waits so much less than users' commands where it sleeps: between two looks at what
# AWS does, say. Nothing that it imports or starts is told of it.
HURRY = "HURRY_OF_TESTS"


def import_all(modules: Sequence[str]) -> None:
    """Import them, as commands do that compile: with no file of the user's that the SDK reads."""
    before = dict(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        from pipeline.definition import compiling

        os.environ.update(dict.fromkeys(compiling._CONFIG_FILES, str(compiling.SDK_DEFAULTS)))
        for name in modules:
            importlib.import_module(name)
    os.environ.clear()
    os.environ.update(before)


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


def prepare(*modules: str) -> Callable[[Sequence[str]], None]:
    """Import them and what most commands do; returns what a command is to be told in its process."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    import_all((*COMMON, *modules))
    read_descriptions()
    # A package of this name is installed, too.
    sys.modules["tests"] = ModuleType("tests")
    sys.modules["tests"].__path__ = [str(Path(__file__).parent)]
    forked_popen = importlib.import_module("tests.forked_popen")
    forked_popen.fork_programs()

    def tell(words: Sequence[str]) -> None:
        if hurry := os.environ.pop(HURRY, None):
            sleep_less(float(hurry))
        own = bool(words) and words[0] in WITH_TRAININGS and "--definition" not in words
        if os.environ.pop(FORKED_JOBS, None) or own:
            forked_popen.fork_jobs()

    return tell


def sleep_less(times: float) -> None:
    """Let this process sleep a fraction of what it is told to."""
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(float(seconds) / times)
