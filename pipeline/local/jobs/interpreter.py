"""The Python that jobs run with: the one that runs the engine, or another that the user names (`--python`)."""

from __future__ import annotations

import json
import shutil
import site
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.state.cache import local_image

_PROBE_SECONDS = 30
_OLDEST = (3, 8)
# Prints what an Interpreter is made of; runs in any Python 3.
_PROBE = """
import json, os, site, sys, sysconfig
folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
names = sorted(n for f in folders if os.path.isdir(f) for n in os.listdir(f) if n.endswith(".dist-info"))
print(json.dumps({
    "base": getattr(sys, "_base_executable", None) or sys.executable,
    "version": list(sys.version_info[:2]),
    "packages": [f for f in site.getsitepackages() if os.path.isdir(f)],
    "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
    "protected": [sys.prefix] if sys.prefix != sys.base_prefix else folders,
    "image": "\\n".join([sys.version, *names]),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine: `base` is the program without its virtual environment, `version` such as "3.11".

    `packages` are its folders of packages, `prefixes` what it needs to run, `protected` what jobs must not change,
    and `image` what stands for the container's image in the key of the step cache.
    """

    executable: Path
    base: Path
    version: str
    packages: tuple[str, ...]
    prefixes: tuple[Path, ...]
    protected: tuple[Path, ...]
    image: str

    def has(self, module: str) -> bool:
        """Whether the package `module` is installed."""
        return any(Path(folder, module).is_dir() for folder in self.packages)

    @property
    def places(self) -> tuple[Path, ...]:
        """What of this machine a job needs to run it."""
        programs = (self.executable.parent, self.base.parent, self.base.resolve().parent)
        return (*self.prefixes, *programs, *map(Path, self.packages))


def this_interpreter() -> Interpreter:
    """The Python that runs this."""
    return Interpreter(
        executable=Path(sys.executable),
        # Not a virtual environment's link to it: the link would name its own environment.
        base=Path(getattr(sys, "_base_executable", None) or sys.executable),
        version=f"{sys.version_info.major}.{sys.version_info.minor}",
        packages=tuple(path for path in site.getsitepackages() if Path(path).is_dir()),
        prefixes=tuple(map(Path, (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix))),
        protected=tuple(map(Path, _protected())),
        image=local_image(),
    )


def find_interpreter(name: str) -> Interpreter:
    """The Python that `name` means: a path, or a program on the PATH.

    Raises:
        UsageError: it is none, does not run, or is too old.
    """
    doing = f"Could not use --python {name}"
    path = Path(name).expanduser()
    if path.is_dir():
        raise UsageError(
            f"{doing}: it is a folder. Name the program itself, such as {path / 'bin' / 'python'}."
        )
    found = shutil.which(str(path))
    if found is None:
        raise UsageError(f"{doing}: there is no such program. Name a Python 3, such as venv/bin/python.")
    executable = Path(found).absolute()
    try:
        done = subprocess.run(
            [executable, "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
        )
        values = json.loads(done.stdout)
        version = tuple(values["version"])
        interpreter = Interpreter(
            executable=executable,
            base=Path(values["base"]),
            version=".".join(map(str, version)),
            packages=tuple(values["packages"]),
            prefixes=tuple(map(Path, values["prefixes"])),
            protected=tuple(map(Path, values["protected"])),
            image=values["image"],
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{doing}: it does not run: {error}. Name a Python 3.") from error
    except (ValueError, KeyError, TypeError) as error:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[
            -1
        ]
        raise UsageError(
            f"{doing}: it is not Python 3 ({said}). Name one, such as venv/bin/python."
        ) from error
    if version < _OLDEST:
        least = ".".join(map(str, _OLDEST))
        raise UsageError(f"{doing}: jobs need Python {least} or newer (got {interpreter.version}).")
    return interpreter


def _protected() -> list[str]:
    if sys.prefix != sys.base_prefix:
        return [sys.prefix]
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
