from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import StepFailed
from pipeline.spec.conditions import check_condition, holds
from pipeline.spec.diagnostics import Findings


@dataclass(frozen=True)
class Parameters:
    """A scope that has parameters only."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, str] = field(default_factory=dict)
    experiment: Mapping[str, Any] = field(default_factory=dict)

    def properties(self, step: str) -> Mapping[str, Any]:
        raise AssertionError(step)

    def property_file(self, step: str, name: str) -> Any:
        raise AssertionError(step, name)

    def document(self, uri: str) -> Any:
        raise AssertionError(uri)


NOTHING = Parameters({})


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


TRUE, FALSE = compare("Equals", 1, 1), compare("Equals", 1, 2)


@pytest.mark.parametrize(
    ("kind", "below", "equal", "above"),
    [
        ("Equals", False, True, False),
        ("GreaterThan", False, False, True),
        ("GreaterThanOrEqualTo", False, True, True),
        ("LessThan", True, False, False),
        ("LessThanOrEqualTo", True, True, False),
    ],
)
def test_each_comparison_of_numbers_and_of_strings(kind: str, below: bool, equal: bool, above: bool) -> None:
    for low, high in ((0.9, 1), (1, 2), ("a", "b")):
        assert holds(compare(kind, low, high), NOTHING) is below
        assert holds(compare(kind, low, low), NOTHING) is equal
        assert holds(compare(kind, high, low), NOTHING) is above


def test_a_whole_number_equals_the_same_float() -> None:
    assert holds(compare("Equals", 1, 1.0), NOTHING)


def test_operands_may_be_expressions() -> None:
    scope = Parameters({"MinAccuracy": 0.9, "Verdict": "passed"})
    assert holds(compare("Equals", {"Get": "Parameters.Verdict"}, "passed"), scope)
    assert not holds(compare("GreaterThan", 0.9, {"Get": "Parameters.MinAccuracy"}), scope)


@pytest.mark.parametrize(
    ("query", "values", "expected"),
    [
        ("a", ["a", "b"], True),
        ("c", ["a", "b"], False),
        ("a", [], False),
        (1, ["1", 1.0], True),
        (1, ["1", True], False),
        (True, [1, "true"], False),
        (10**400, [10**400], True),
        ("x", [{"Get": "Parameters.X"}], True),
    ],
)
def test_in_compares_values_of_one_kind(query: Any, values: list[Any], expected: bool) -> None:
    condition = {"Type": "In", "QueryValue": query, "Values": values}
    assert holds(condition, Parameters({"X": "x"})) is expected


def test_not_and_or_nest() -> None:
    assert holds({"Type": "Not", "Condition": FALSE}, NOTHING)
    assert not holds({"Type": "Or", "Conditions": []}, NOTHING)
    assert not holds({"Type": "Or", "Conditions": [FALSE, FALSE]}, NOTHING)
    nested = {
        "Type": "Or",
        "Conditions": [FALSE, {"Type": "Not", "Condition": {"Type": "Not", "Condition": TRUE}}],
    }
    assert holds(nested, NOTHING)


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [
        ("Equals", "1", 1),
        ("Equals", True, 1),
        ("Equals", [1], [1]),
        ("Equals", float("nan"), float("nan")),
        ("GreaterThan", True, False),
        ("LessThan", "a", 1),
        ("LessThan", float("nan"), 1.0),
    ],
)
def test_operands_that_cannot_be_compared_fail_the_step(kind: str, left: Any, right: Any) -> None:
    with pytest.raises(StepFailed, match=f"LeftValue is {left!r}".replace("[", r"\[")):
        holds(
            compare(kind, {"Get": "Parameters.L"}, {"Get": "Parameters.R"}),
            Parameters({"L": left, "R": right}),
        )


COMPARISONS = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
NUMBERS = st.integers(-2, 2) | st.sampled_from([-0.5, 0.0, 0.5, 1.0])


def drawn_comparison(kind: str, left: float, right: float) -> tuple[Any, bool]:
    return compare(kind, left, right), COMPARISONS[kind](left, right)


def drawn_in(query: float, values: list[float]) -> tuple[Any, bool]:
    return {"Type": "In", "QueryValue": query, "Values": values}, query in values


CONDITIONS = st.recursive(
    st.builds(drawn_comparison, st.sampled_from(sorted(COMPARISONS)), NUMBERS, NUMBERS)
    | st.builds(drawn_in, NUMBERS, st.lists(NUMBERS, max_size=3)),
    lambda inner: (
        inner.map(lambda part: ({"Type": "Not", "Condition": part[0]}, not part[1]))
        | st.lists(inner, max_size=3).map(
            lambda parts: ({"Type": "Or", "Conditions": [p[0] for p in parts]}, any(p[1] for p in parts))
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(CONDITIONS)
def test_any_condition_is_well_formed_and_holds_as_it_was_drawn(drawn: tuple[Any, bool]) -> None:
    condition, expected = drawn
    findings = Findings()
    check_condition(condition, "$", findings)
    assert [*map(str, findings.local)] == []
    assert holds(condition, NOTHING) is expected
