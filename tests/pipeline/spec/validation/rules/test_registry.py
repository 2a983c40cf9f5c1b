from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.spec.validation.rules import (
    DEFINITION_RULES,
    RULES_BY_STEP_TYPE,
    RULES_FOR_EVERY_STEP,
    rule_name,
)

RULES = [
    *DEFINITION_RULES,
    *RULES_FOR_EVERY_STEP,
    *(rule for rules in RULES_BY_STEP_TYPE.values() for rule in rules),
]
SOURCES = (
    "API reference",
    "eveloper guide",
    "user guide",
    "tagging guide",
    "Definition schema",
    "SageMaker SDK",
)


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_every_rule_has_a_case_that_breaks_it(rule: Callable[..., Any]) -> None:
    tests = Path(__file__).parent / f"test_{rule.__module__.rpartition('.')[2]}.py"
    assert f'"{rule_name(rule)}"' in tests.read_text()


@pytest.mark.parametrize("rule", RULES, ids=rule_name)
def test_every_rule_names_its_source(rule: Callable[..., Any]) -> None:
    assert any(source in str(rule.__doc__) for source in SOURCES)
