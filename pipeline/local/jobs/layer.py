"""The Python of a job: a layer over this one, so that what a job installs, upgrades or removes vanishes with it.

A virtual environment in the job's own folder, written by hand (two milliseconds: no pip is copied into it). It
sees all packages of the Python that runs the engine, through a .pth file, and pip in it treats those as lying
outside: `pip install -U` puts the newer version on top, `pip uninstall` leaves the older one alone. PIP_TARGET and
PIP_PREFIX are no such layers: with them both commands delete from the base.
"""

from __future__ import annotations

import shlex
import site
import sys
from pathlib import Path

from pipeline.local.jobs.container import Container

# Where the layer lies in a job's container.
LAYER = "/.venv"
PROGRAMS = f"{LAYER}/bin"
PYTHON = f"{PROGRAMS}/python"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def make_layer(container: Container) -> None:
    """Make the layer in the fresh `container`.

    Raises:
        OSError: its files cannot be written.
    """
    folder = container.path(LAYER)
    programs = folder / "bin"
    packages = folder / "lib" / f"python{_VERSION}" / "site-packages"
    for path in (programs, packages):
        path.mkdir(parents=True)
    # The interpreter itself, not a virtual environment's link to it: the link would name its own environment.
    interpreter = Path(getattr(sys, "_base_executable", None) or sys.executable)
    (folder / "pyvenv.cfg").write_text(
        f"home = {interpreter.parent}\ninclude-system-site-packages = false\nversion = {_VERSION}\n",
        encoding="utf-8",
    )
    for name in ("python", "python3", f"python{_VERSION}"):
        (programs / name).symlink_to(interpreter)
    # A .pth file is read in the locale's encoding: ASCII is the same in all of them.
    base = "".join(f"import site; site.addsitedir({path!a})\n" for path in base_packages())
    (packages / "base.pth").write_text(base, encoding="ascii")
    # Else the base's pip would be found, which installs into the base. A shell script, because the first line of a
    # Python one cannot name an interpreter whose path has a space.
    pip = f'#!/bin/sh\nexec {shlex.quote(container.seen(PYTHON))} -m pip "$@"\n'
    for name in ("pip", "pip3", f"pip{_VERSION}"):
        (programs / name).write_text(pip, encoding="utf-8")
        (programs / name).chmod(0o755)


def base_packages() -> list[str]:
    """The folders of packages of the Python that runs this."""
    return [path for path in site.getsitepackages() if Path(path).is_dir()]
