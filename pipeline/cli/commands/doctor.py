"""`doctor`: what this machine can run, a line for each part of it. Fetches nothing; asks AWS once who you are."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions, version
from pathlib import Path

import psutil

from pipeline.dataset.check import FILES, folder_fault
from pipeline.dataset.choice import DEBIAN_FOLDER
from pipeline.formatting import binary_size, plural
from pipeline.local.engine.cores import available_cores
from pipeline.local.jobs.arithmetic import bfloat16_flags
from pipeline.local.jobs.environment import visible_gpus
from pipeline.local.jobs.launchers.containers.engine import EngineError, find_engine
from pipeline.local.jobs.launchers.sandbox import Sandbox
from pipeline.local.jobs.launchers.surroundings import needed_folders
from pipeline.local.state.state_dir import Home, home_from
from pipeline.printable import printable

# A run of all candidates with its data, models and report; three of them at once.
NEEDED_DISK, NEEDED_MEMORY = 2 << 30, 4 << 30
AWS_SECONDS = 5


def main(args: argparse.Namespace) -> int:
    """Prints the lines; returns 1 when a local run would not work."""
    home = home_from(os.environ)
    good = True
    for name, fine, text in findings(home, os.environ):
        good &= fine is not False
        print(f"{'✓' if fine else '✗' if fine is False else '·'} {name:<15}{text}")
    return 0 if good else 1


def findings(home: Home, environ: Mapping[str, str]) -> Iterator[tuple[str, bool | None, str]]:
    """Name, whether it is as a local run needs it (None: it can do without), and what was found."""
    yield _python()
    free = shutil.disk_usage(home.root).free
    yield "state folder", free >= NEEDED_DISK, f"{home.root}, {binary_size(free)} free"
    yield _data_set(home, environ)
    memory = psutil.virtual_memory().available
    yield (
        "cores, memory",
        memory >= NEEDED_MEMORY,
        f"{plural(available_cores(), 'core')}, {binary_size(memory)} free",
    )
    yield _bfloat16()
    gpus = visible_gpus(environ)
    yield (
        "GPU",
        bool(gpus) or None,
        f"{len(gpus)}, by nvidia-smi" if gpus else "none; training runs on the CPU",
    )
    fault = Sandbox(needed_folders(home.root, environ)).fault(home.temporary)
    yield (
        "sandbox",
        fault is None or None,
        "jobs have an /opt/ml of their own" if fault is None else f"not here: {fault}",
    )
    yield _containers()
    yield _aws(environ)


def _python() -> tuple[str, bool | None, str]:
    installed = packages_distributions().get("tensorflow")
    if not installed:
        advice = "use .venv/bin/python, which make test builds"
        return "Python", False, f"{platform.python_version()} without TensorFlow: {advice}"
    return "Python", True, f"{platform.python_version()}, TensorFlow {version(installed[0])}"


def _data_set(home: Home, environ: Mapping[str, str]) -> tuple[str, bool | None, str]:
    named = environ.get("FASHION_DATA")
    places = [Path(named)] if named else [home.root / "data", DEBIAN_FOLDER]
    for place in places:
        if (fault := folder_fault(place, FILES)) is None:
            return "data set", True, str(place)
    if named:
        return "data set", False, f"FASHION_DATA: {fault}"
    return "data set", None, "not here yet; the first run fetches 31 MB"


def _bfloat16() -> tuple[str, bool | None, str]:
    flags = bfloat16_flags()
    if flags is None:
        return "bfloat16", None, "unknown: this system does not say"
    return "bfloat16", bool(flags) or None, ", ".join(flags) or "not on this CPU"


def _containers() -> tuple[str, bool | None, str]:
    try:
        engine = find_engine()
        gpus = ", with GPUs" if engine.has_gpus else ""
        return "containers", True, f"{engine.name}{gpus}: --launcher container"
    except EngineError as error:
        return "containers", None, f"not here: {printable(str(error).splitlines()[0])}"


def _aws(environ: Mapping[str, str]) -> tuple[str, bool | None, str]:
    """Who the credentials are, asked once and briefly."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    brief = Config(connect_timeout=AWS_SECONDS, read_timeout=AWS_SECONDS, retries={"total_max_attempts": 1})
    try:
        session = boto3.Session(region_name=environ.get("AWS_REGION") or None)
        if session.get_credentials() is None:
            return "AWS", None, "no credentials; a local run needs none"
        if not session.region_name:
            return "AWS", None, "credentials, but no region: set AWS_REGION"
        caller = session.client("sts", config=brief).get_caller_identity()["Arn"]
        return "AWS", True, f"{caller} in {session.region_name}"
    except (BotoCoreError, ClientError, ValueError) as error:
        return "AWS", None, f"not reached: {printable(str(error))}"
