"""Checks a model card against the schema of SageMaker's model packages. Pure, but for reading the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("schema.json")
MOST_CHARACTERS = 100_000  # of CreateModelPackage's ModelCardContent


def card_problems(card: Any) -> list[str]:
    """What is wrong with a card, each with its place in it; empty when the registry's schema allows it."""
    import jsonschema  # takes a moment to import

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = jsonschema.Draft7Validator(schema).iter_errors(card)
    problems = [f"{error.json_path}: {error.message[:200]}" for error in errors]
    length = len(json.dumps(card, ensure_ascii=False, separators=(",", ":")))
    if length > MOST_CHARACTERS:
        problems.append(f"$: {length:,} characters, where {MOST_CHARACTERS:,} are the most")
    return sorted(problems)
