"""requirements.lock: pinned by hash, and what pyproject.toml asks for on every platform that it is made for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.cli.set_up import PLATFORMS

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")


@cache
def locked() -> tuple[tuple[Requirement, list[str]], ...]:
    """Each entry of the lock file with its hashes."""
    return tuple(read_lock())


def read_lock() -> Iterator[tuple[Requirement, list[str]]]:
    text = (ROOT / "requirements.lock").read_text()
    entries = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    for entry in entries:
        requirement, *hashes = entry.split(" --hash=")
        yield Requirement(requirement.strip()), [each.strip() for each in hashes]


def required() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = (project["project"]["dependencies"], *project["dependency-groups"].values())
    return [Requirement(each) for group in groups for each in group]


@pytest.mark.parametrize(("platform", "python"), list(product(PLATFORMS, PYTHONS)))
def test_it_holds_one_fitting_version_of_what_the_project_requires(
    platform: tuple[str, str], python: str
) -> None:
    environment = {key: str(value) for key, value in default_environment().items()}
    environment |= {
        "sys_platform": platform[0],
        "platform_machine": platform[1],
        "platform_system": platform[0].capitalize(),
        "python_version": python,
        "python_full_version": f"{python}.5",
    }
    versions: dict[str, str] = {}
    for entry, _ in locked():
        if entry.marker is None or entry.marker.evaluate(environment):
            assert canonicalize_name(entry.name) not in versions, f"{entry.name} is locked twice"
            (pin,) = entry.specifier
            versions[canonicalize_name(entry.name)] = pin.version
    wanted = [each for each in required() if each.marker is None or each.marker.evaluate(environment)]
    assert len(wanted) > 15
    for requirement in wanted:
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in requirements.lock: run make lock"
        assert version in requirement.specifier, (
            f"requirements.lock has {requirement.name} {version}: run make lock"
        )


def test_every_entry_is_pinned_to_one_version_by_sha256() -> None:
    entries = list(locked())
    assert len(entries) > 100
    for entry, hashes in entries:
        assert [pin.operator for pin in entry.specifier] == ["=="], entry.name
        assert hashes, entry.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), entry.name


def test_it_names_no_index_and_no_folder() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|^-|--index|--find-links|file:|/", text.replace("via -r", ""), re.MULTILINE)


def test_it_is_made_for_the_platforms_that_the_set_up_accepts() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    made_for = " ".join(project["tool"]["uv"]["environments"])
    assert re.findall(r"sys_platform == '(\w+)' and platform_machine == '(\w+)'", made_for) == list(PLATFORMS)
