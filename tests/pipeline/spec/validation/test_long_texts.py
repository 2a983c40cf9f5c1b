"""Texts far longer than any that a definition needs: they are judged, and quickly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.spec.validation import validate_definition

LONG = 300_000
SECONDS = 10.0  # it takes a tenth of a second, and what is quadratic takes minutes


@pytest.mark.parametrize("text", ["x", "a.", "s3:/", "-", ".dkr.ecr", "/", "arn:aws:"])
@pytest.mark.parametrize(
    "place", ["Prepare.Arguments.AppSpecification.ContainerArguments[+]", "Train.Arguments.RoleArn"]
)
def test_a_very_long_text_is_judged_quickly(changed: Callable[..., Any], place: str, text: str) -> None:
    definition = changed({place: (text * LONG)[:LONG]})
    before = time.monotonic()
    assert validate_definition(definition) != []
    assert time.monotonic() - before < SECONDS
