"""Builds .venv from requirements.lock. The Makefile runs it with the machine's own Python: standard library only.

The stamp is written last, so a build that was interrupted is started again. Two commands may run at once in one
clone: one builds, the other waits for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = Path("requirements.lock")
VENV = Path(".venv")
STAMP = VENV / "stamp"
MADE = VENV / "made-by-make"
"""Is there from the beginning. An environment without it, or a stamp, is somebody else's."""

# What [tool.uv] environments in pyproject.toml has the lock file made for. Elsewhere all of its markers are false,
# and pip would call it a success to have installed nothing.
PLATFORMS = (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))

SHOWN_WHEN_PIP_FAILS = 25
"""Lines of pip's output."""

CLEAR_LINE = "\r\033[K"


class SetUpError(Exception):
    """The environment cannot be built; the message says why and what to do."""


def build(lock: Path = LOCK, environment: Path = VENV) -> None:
    """Makes `environment` hold exactly what `lock` says, unless it does already. Raises SetUpError."""
    check_platform(sys.platform, platform.machine())
    stamp = environment / STAMP.name
    with only_one_building(lock.absolute().parent):
        mark = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {lock.name}\n"
        if stamp.is_file() and stamp.read_text() == mark and (environment / "bin" / "python").exists():
            stamp.touch()
            return
        if environment.is_symlink() or environment.is_file():
            raise SetUpError(
                f"Could not make {environment}: there is a link or a file of that name, which is not "
                "overwritten. Remove it, then run the same command again."
            )
        if not is_ours(environment):
            raise SetUpError(
                f"Could not set up {environment}: there is a folder of that name which make did not make, and "
                "which is left alone. Move it away, or remove it, then run the same command again."
            )
        stamp.unlink(missing_ok=True)
        packages = len(re.findall(r"^[\w.-]+(\[.*\])?==", lock.read_text(), re.MULTILINE))
        say(
            f"Setting up {environment} with Python {platform.python_version()}: {packages} packages "
            "(about 2 minutes; the first time, about 600 MB to download)"
        )
        if environment.exists():
            shutil.rmtree(environment)
        environment.mkdir()
        (environment / MADE.name).touch()  # First, so that a build that is interrupted is known as one.
        venv.create(environment, symlinks=True, with_pip=True)
        python = environment / "bin" / "python"
        install(python, lock, packages)
        # Not left to pip, which does it on one core, nor to the first import, which would show warnings about
        # code that is not ours.
        say("  all installed; compiling")
        subprocess.run(
            [python, "-W", "ignore", "-m", "compileall", "-qq", "-j", "0", environment / "lib"], check=False
        )
        stamp.write_text(mark)
        say(f"{environment} is ready.")


def is_ours(environment: Path) -> bool:
    """Whether what is at `environment`, if anything, was made by `build`, and so may be made anew."""
    if not environment.exists():
        return True
    stamp = environment / STAMP.name
    marked = (environment / MADE.name).is_file() or (
        stamp.is_file() and re.fullmatch(r"[0-9a-f]{64} \S+\n", stamp.read_text(errors="replace")) is not None
    )
    return marked or not any(environment.iterdir())


def check_platform(system: str, machine: str) -> None:
    """Raises SetUpError unless the lock file is made for this platform."""
    if (system, machine) not in PLATFORMS:
        known = ", ".join(" ".join(each) for each in PLATFORMS)
        raise SetUpError(
            f"Could not set up {VENV}: {LOCK} is made for {known}, not for {system} {machine}. Use another "
            "machine (or, on an Apple silicon Mac, a native Python)."
        )


def install(python: Path, lock: Path, packages: int) -> None:
    """Installs what `lock` says with the pip of `python`, showing how far it is. Raises SetUpError."""
    command = [
        *(str(python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-user"),
        *(
            "--progress-bar",
            "off",
            "--no-compile",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "-r",
            str(lock),
        ),
    ]
    last: deque[str] = deque(maxlen=SHOWN_WHEN_PIP_FAILS)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        show_progress(keep(pip.stdout, last), packages)
    if pip.returncode != 0:
        raise SetUpError(
            f"Installing {lock}: pip failed with exit status {pip.returncode}, and\n\n"
            + "".join(f"    {line}\n" for line in last)
            + "\nCheck the network and the free disk space (3 GB), then run the same command again."
        )


def keep(lines: Iterable[str], last: deque[str]) -> Iterator[str]:
    """The lines, without their ends, also put into `last`."""
    for line in lines:
        last.append(line.rstrip())
        yield last[-1]


def show_progress(lines: Iterable[str], packages: int) -> None:
    """Shows pip's progress from its output: one changing line on a terminal, else a line for every 50 packages."""
    terminal = sys.stderr.isatty()
    done = 0
    for line in lines:
        if re.match(r"(Collecting|Processing|Ignoring|Requirement already) ", line):
            done = min(done + 1, packages)
            name = re.split(r"[=:\s]", line)[1]
            if terminal:
                print(f"{CLEAR_LINE}  [{done:3}/{packages}] {name}", end="", file=sys.stderr, flush=True)
            elif done % 50 == 0:
                say(f"  [{done:3}/{packages}]")
        elif line.startswith("Installing collected packages"):
            say(f"{CLEAR_LINE if terminal else ''}  all downloaded; installing")


@contextmanager
def only_one_building(folder: Path) -> Iterator[None]:
    """Holds a lock on `folder` while the block lasts. The kernel releases it even if this process is killed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another command is setting up {VENV}: waiting for it …")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def say(text: str) -> None:
    """One line to the user."""
    print(text, file=sys.stderr, flush=True)


def main(lock: Path = LOCK, environment: Path = VENV) -> int:
    """Builds the environment in the current folder; returns the exit status."""
    try:
        build(lock, environment)
    except SetUpError as error:
        say(str(error))
        return 1
    except (OSError, subprocess.CalledProcessError) as error:
        say(
            f"Could not write {environment}: {error}. Make room or give permission, then run the same "
            "command again."
        )
        return 1
    except KeyboardInterrupt:
        say(f"\nInterrupted. {environment} is not finished; the next command starts it again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
