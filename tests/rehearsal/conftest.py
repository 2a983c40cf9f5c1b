"""infra/stack.yaml as it is written."""

from __future__ import annotations

import pytest

from infra.template import Template, load_template


@pytest.fixture(scope="session")
def template() -> Template:
    """Read-only: copy it to change it."""
    return load_template()
