"""Where the figures of a study come from: machine, versions, git commit. Reads the system; changes nothing."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path
from typing import Any

from pipeline.code_address import folder_name
from pipeline.definition.code_archive import folder_of, pack
from pipeline.definition.code_upload import digest_of_code
from pipeline.execution import ExecutionRecord
from pipeline.local.engine.cores import available_cores
from pipeline.study.trainings import trainings_done

ROOT = Path(__file__).resolve().parents[2]
# What decides the figures: the code that trains and evaluates, and the packages that it is run with.
DECISIVE = ("training", "processing", "pipeline", "requirements.lock")
PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "sagemaker",
)


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory (bytes) and operating system; no name and no path of this machine."""
    import psutil

    return {
        "processor": _processor(),
        "cores": available_cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
    }


def describe_versions() -> dict[str, str]:
    """Python's version and those of the packages that decide the figures, as far as they are installed."""
    from importlib import metadata

    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def git_commit(root: Path = ROOT) -> dict[str, Any]:
    """The git commit at `root`, and whether what decides figures is as it was committed.

    Both None where there is no git or no repository.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return {"commit": None, "changed": None}
    changes = _git(root, "status", "--porcelain", "--", *DECISIVE)
    return {"commit": commit.strip(), "changed": None if changes is None else bool(changes.strip())}


def commit_of(record: ExecutionRecord, root: Path = ROOT) -> dict[str, Any]:
    """As git_commit; both None, too, when the execution ran other training code than lies there."""
    folder = root / "training"
    # Trainings get the folder's files, trials of a search its archive.
    known = {folder_name(digest_of_code(folder)), folder_of(pack(folder))}
    if any(known.isdisjoint(done.code.split("/")) for _, _, done in trainings_done([record])):
        return {"commit": None, "changed": None}
    return git_commit(root)


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
