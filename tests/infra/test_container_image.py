"""The recipe of the image that jobs run in: everything pinned, and the versions that the local target has."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "infra" / "container"
# The default base has 3.12; Debian's 3.11 and 3.13 are for machines without a registry.
PLATFORMS = list(product([("linux", "x86_64"), ("linux", "aarch64")], ["3.11", "3.12", "3.13"]))


@cache
def read_lock(path: Path) -> tuple[tuple[Requirement, tuple[str, ...]], ...]:
    """Each entry of a lock file with its hashes."""
    text = re.sub(r"^ *#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    entries = (entry.split(" --hash=") for entry in text.splitlines())
    return tuple(
        (Requirement(requirement.strip()), tuple(each.strip() for each in hashes))
        for requirement, *hashes in entries
    )


def versions(path: Path, platform: tuple[str, str], python: str) -> dict[str, str]:
    """The versions that a lock file installs there."""
    environment = {key: str(value) for key, value in default_environment().items()} | {
        "sys_platform": platform[0],
        "platform_machine": platform[1],
        "platform_system": platform[0].capitalize(),
        "python_version": python,
        "python_full_version": f"{python}.5",
    }
    found: dict[str, str] = {}
    for entry, _ in read_lock(path):
        if entry.marker is None or entry.marker.evaluate(environment):
            (pin,) = entry.specifier
            assert pin.operator == "=="
            found[canonicalize_name(entry.name)] = pin.version
    return found


def test_every_package_is_pinned_by_hash():
    entries = read_lock(CONTAINER / "requirements.lock")
    assert len(entries) > 20
    assert all(hashes and all(each.startswith("sha256:") for each in hashes) for _, hashes in entries)
    assert "--require-hashes -r /tmp/build/requirements.lock" in (CONTAINER / "Dockerfile").read_text()


@pytest.mark.parametrize(("platform", "python"), PLATFORMS)
def test_the_image_has_what_is_asked_for_in_the_local_targets_versions(
    platform: tuple[str, str], python: str
):
    image = versions(CONTAINER / "requirements.lock", platform, python)
    local = versions(ROOT / "requirements.lock", platform, python)
    asked = [
        Requirement(line)
        for line in (CONTAINER / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    for requirement in asked:
        if requirement.marker is None or requirement.marker.evaluate({"platform_machine": platform[1]}):
            assert requirement.specifier.contains(image[requirement.name])
    shared = {"boto3", "keras", "numpy", "tensorflow", "tensorflow-cpu"} & image.keys()
    assert len(shared) == 4
    assert {name: image[name] for name in shared} == {name: local[name] for name in shared}


def test_the_default_base_is_pinned_to_a_version_of_python():
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (CONTAINER / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert re.fullmatch(r"python:3\.1[123]-slim", base)


@pytest.mark.parametrize("name", ["make_base.sh", "start_engine.sh"])
def test_scripts_are_valid_shell_and_executable(name: str):
    script = CONTAINER / name
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_a_base_cannot_be_made_by_another_user_than_root(tmp_path: Path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(CONTAINER / "make_base.sh"), "image"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "debootstrap needs root" in done.stderr
