"""The Python of a job: a layer over an interpreter, so that what a job installs, upgrades or removes goes with it.

A virtual environment in the job's own folder, written by hand (two milliseconds: no pip is copied into it). It
sees all packages of that interpreter, through a .pth file, and pip in it treats those as lying
outside: `pip install -U` puts the newer version on top, `pip uninstall` leaves the older one alone. PIP_TARGET and
PIP_PREFIX are no such layers: with them both commands delete from the base.
"""

from __future__ import annotations

import shlex

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.interpreter import Interpreter, this_interpreter

# Where the layer lies in a job's container.
LAYER = "/.venv"
PROGRAMS = f"{LAYER}/bin"
PYTHON = f"{PROGRAMS}/python"


def make_layer(container: Container, python: Interpreter | None = None) -> None:
    """Make the layer over `python` (None: the one that runs this) in the fresh `container`.

    Raises:
        OSError: its files cannot be written.
    """
    python = python or this_interpreter()
    folder = container.path(LAYER)
    programs = folder / "bin"
    packages = folder / "lib" / f"python{python.version}" / "site-packages"
    for path in (programs, packages):
        path.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(
        f"home = {python.base.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n",
        encoding="utf-8",
    )
    for name in ("python", "python3", f"python{python.version}"):
        (programs / name).symlink_to(python.base)
    # A .pth file is read in the locale's encoding: ASCII is the same in all of them.
    base = "".join(f"import site; site.addsitedir({path!a})\n" for path in python.packages)
    (packages / "base.pth").write_text(base, encoding="ascii")
    # Else the base's pip would be found, which installs into the base. A shell script, because the first line of a
    # Python one cannot name an interpreter whose path has a space.
    pip = f'#!/bin/sh\nexec {shlex.quote(container.seen(PYTHON))} -m pip "$@"\n'
    for name in ("pip", "pip3", f"pip{python.version}"):
        (programs / name).write_text(pip, encoding="utf-8")
        (programs / name).chmod(0o755)
