"""The template, as it is written and as it resolves with every option on, and with its defaults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.resolving import ResolvedStack, resolve_template
from infra.template import Template, load_template
from tests.infra.security.properties import EVERYTHING
from tests.infra.stubbed_account import StubbedAccount


@pytest.fixture(scope="session")
def template() -> Template:
    """infra/stack.yaml. Read-only: copy it to change it."""
    return load_template()


@pytest.fixture(scope="session")
def everything(template: Template) -> ResolvedStack:
    """The stack with every option on. Read-only."""
    return resolve_template(template, EVERYTHING)


@pytest.fixture(scope="session")
def defaults(template: Template) -> ResolvedStack:
    """The stack that a first deployment makes. Read-only."""
    return resolve_template(template)


@pytest.fixture
def account() -> Iterator[StubbedAccount]:
    """An account that answers as a test has written down; the test fails when something was not asked for."""
    stubbed = StubbedAccount()
    yield stubbed
    stubbed.done()
