"""Who may do what, and every property, are as somebody has read and committed them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.resolving import ResolvedStack
from infra.template import Template
from tests.infra.requests_of_roles import ROLES
from tests.infra.security.properties import resource_policies
from tests.infra.snapshot import PERMISSIONS, RESOURCES, permissions, resources


@pytest.fixture(scope="module")
def texts(template: Template, everything: ResolvedStack, defaults: ResolvedStack) -> dict[Path, str]:
    return {PERMISSIONS: permissions(everything), RESOURCES: resources(template, everything, defaults)}


@pytest.mark.parametrize("file", [PERMISSIONS, RESOURCES], ids=lambda path: path.name)
def test_the_stack_is_as_it_was_read(texts: dict[Path, str], file: Path) -> None:
    """After a wanted change: UPDATE_SNAPSHOTS=1, and read the difference before you commit it."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(texts[file], encoding="utf-8")
    assert texts[file] == file.read_text(encoding="utf-8")


def test_every_role_and_every_policy_of_a_resource_is_in_it(everything: ResolvedStack) -> None:
    text = PERMISSIONS.read_text(encoding="utf-8")
    assert {line.split()[0] for line in text.splitlines() if line.endswith(" may")} == set(ROLES)
    named = {line.split()[0] for line in text.splitlines() if line.endswith(" lets")}
    assert named == {name for name, _ in resource_policies(everything)}
    assert "  allow s3:GetObject on arn:aws:s3:::fashion-mnist-<account>-<region>/fashion-mnist/raw/*" in text
