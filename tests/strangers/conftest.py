from __future__ import annotations

from collections.abc import Iterator

import jsonschema
import pytest


@pytest.fixture(scope="module", autouse=True)
def nobody_doubts_the_sdks_schema() -> Iterator[None]:
    """Whenever the SDK looks up a default it checks their schema itself: longer than all the rest takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonschema.Draft202012Validator, "check_schema", lambda schema: None)
        yield
