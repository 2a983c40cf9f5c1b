"""The Python of a job: a layer over an interpreter, so that what a job installs, upgrades or removes goes with it.

A virtual environment in the job's own folder, written by hand (two milliseconds: no pip is copied into it). It
sees all packages of that interpreter, through a .pth file, and pip in it treats those as lying
outside: `pip install -U` puts the newer version on top, `pip uninstall` leaves the older one alone. PIP_TARGET and
PIP_PREFIX are no such layers: with them both commands delete from the base.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.interpreter import Interpreter, this_interpreter

# Where the layer lies in a job's container.
LAYER = "/.venv"
PROGRAMS = f"{LAYER}/bin"
PYTHON = f"{PROGRAMS}/python"


def layer_programs(version: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a layer over a Python of this version calls that Python, and its pip."""
    return ("python", "python3", f"python{version}"), ("pip", "pip3", f"pip{version}")


def make_layer(container: Container, python: Interpreter | None = None) -> None:
    """Make the layer over `python` (None: the one that runs this) in the fresh `container`.

    Raises:
        OSError: its files cannot be written.
    """
    python = python or this_interpreter()
    folder = container.path(LAYER)
    programs = folder / "bin"
    packages = folder / "lib" / f"python{python.version}" / "site-packages"
    for path in (folder, programs, packages.parent.parent, packages.parent, packages):
        path.mkdir()
    lines = (
        f"home = {python.base.parent}",
        "include-system-site-packages = false",
        f"version = {python.version}",
    )
    _write(folder / "pyvenv.cfg", "".join(f"{line}\n" for line in lines).encode())
    pythons, pips = layer_programs(python.version)
    for name in pythons:
        (programs / name).symlink_to(python.base)
    # A .pth file is read in the locale's encoding: ASCII is the same in all of them.
    base = "".join(f"import site; site.addsitedir({path!a})\n" for path in python.packages)
    _write(packages / "base.pth", base.encode("ascii"))
    # Else the base's pip would be found, which installs into the base. A shell script, because the first line of a
    # Python one cannot name an interpreter whose path has a space.
    pip = f'#!/bin/sh\nexec {shlex.quote(container.seen(PYTHON))} -m pip "$@"\n'
    for name in pips:
        _write(programs / name, pip.encode(), 0o777)


def _write(file: Path, content: bytes, mode: int = 0o666) -> None:
    """Make a file in three system calls: every job has a layer, and few use pip."""
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
