"""A job's whole environment: little of the user's, so that neither settings nor credentials leak into a job."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.layer import LAYER, PROGRAMS

# What a job may see of the user's environment: how to find programs, language, time zone, accelerators.
_PASSED = (
    "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MESSAGES", "TZ",
    "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "XLA_FLAGS",
)  # fmt: skip


def job_environment(
    user: Mapping[str, str],
    container: Container,
    cores: int,
    *layers: Mapping[str, str],
    programs: Path | None = None,
) -> dict[str, str]:
    """The environment of a job in `container` on `cores` cores; later `layers` win. `user` is the CLI's own.

    `programs`: the folder of the jobs' Python; None: of the one that runs this.
    """
    environment = {name: user[name] for name in _PASSED if name in user}
    environment["PATH"] = program_path(user, programs)
    environment |= {
        "HOME": container.seen("/"),
        "TMPDIR": container.seen("/tmp"),
        "VIRTUAL_ENV": container.seen(LAYER),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Training steps that run side by side share one GPU's memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OMP_NUM_THREADS": str(cores),
        "SM_NUM_CPUS": str(cores),
        "SM_CHECKPOINT_DIR": container.seen("/opt/ml/checkpoints"),
    }
    for layer in layers:
        environment |= layer
    # `python3` and `pip` in a job are those of its layer, also where the request has a PATH of its own.
    environment["PATH"] = os.pathsep.join([container.seen(PROGRAMS), environment["PATH"]])
    return environment


def program_path(user: Mapping[str, str], programs: Path | None = None) -> str:
    """Where a job of `user` finds programs beside those of its layer; `programs` as for job_environment."""
    return os.pathsep.join([str(programs or Path(sys.executable).parent), user.get("PATH") or os.defpath])


def container_environment(cores: int, *layers: Mapping[str, str]) -> dict[str, str]:
    """What a job in a container of an image gets beside the image's own variables; later `layers` win."""
    environment = {
        "PYTHONUNBUFFERED": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OMP_NUM_THREADS": str(cores),
        "SM_NUM_CPUS": str(cores),
        "SM_CHECKPOINT_DIR": "/opt/ml/checkpoints",
    }
    for layer in layers:
        environment |= layer
    return environment


def visible_gpus(user: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that jobs see: those in CUDA_VISIBLE_DEVICES if the user set it, else all, by number."""
    visible = user.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        devices = (device.strip() for device in visible.split(","))
        # CUDA stops at the first entry that is no device.
        return tuple(itertools.takewhile(lambda device: device not in ("", "-1"), devices))
    return tuple(map(str, range(_installed_gpus())))


@functools.cache
def _installed_gpus() -> int:
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listed = subprocess.run(
            [program, "--list-gpus"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
