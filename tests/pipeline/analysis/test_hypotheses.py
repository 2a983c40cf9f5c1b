"""The declaration: what is in it, that the page says the same, and that candidates of that name can be trained."""

from __future__ import annotations

from pathlib import Path

from pipeline.analysis.hypotheses import ALL, ALPHA, HYPOTHESES, LEAST_SEEDS, declared
from pipeline.definition.candidates import DEFAULT_CANDIDATES
from pipeline.definition.parameters import PARAMETERS
from pipeline.definition.search_space import SEED_OF_TRIALS, SPACE
from pipeline.formatting import points

PAGE = (Path(__file__).parents[3] / "docs" / "hypotheses.md").read_text(encoding="utf-8")
MEASURES = {"test_accuracy": "test accuracy", "train_validation_gap": "training − validation accuracy"}


def test_the_page_has_one_row_for_each_comparison_in_order_and_no_other() -> None:
    claims = PAGE.partition("## With each model's own settings")[0]
    rows = [line.strip("| ").split(" | ") for line in claims.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] != "claim"]
    expected = []
    for hypothesis in ALL:
        parts = [
            [f"{MEASURES[each.measure]}, {each.first} − {each.second}", points(each.relevant), each.reason]
            for each in hypothesis.comparisons
        ]
        if hypothesis.cost is not None:
            cost = hypothesis.cost
            ratio = f"FLOPs of one image, {cost.name} / {cost.reference}"
            parts.append([ratio, f"{cost.relevant:g} times", cost.reason])
        parts[0].insert(0, hypothesis.claim)
        expected += parts
    assert rows == expected


def test_the_page_states_the_rules_numbers() -> None:
    assert f"at {ALPHA:g} for a whole family" in PAGE
    assert f"fewer than {LEAST_SEEDS} common seeds" in PAGE
    assert f"t-test over seeds is below {ALPHA:g}" in PAGE


def test_the_case_studys_three_claims_are_primary_and_arms_are_not() -> None:
    assert [each.key for each in HYPOTHESES] == ["convolution", "kernel-size", "kernel-cost"]
    assert [each.key for each in declared("primary")] == [
        "convolution-accuracy",
        "kernel-accuracy",
        "kernel-generalization",
    ]
    names = {name for each in declared("secondary") for name in (each.first, each.second)}
    assert names == {"baseline", "cnn-3x3", "cnn-5x5", "cnn-5x5-params", "cnn-5x5-flops"}


def test_the_page_states_what_a_search_looks_for_and_how_long() -> None:
    tuned = " ".join(PAGE.partition("## With each model's own settings")[2].split())
    for each in SPACE:
        extent = ", ".join(each.values) if each.values else f"{each.low:g} to {each.high:g}"
        scale = "" if each.values else " logarithmic" if each.logarithmic else " linear"
        assert f"| {each.name} | {extent} |{scale} |" in tuned
    assert f"under seed {SEED_OF_TRIALS}, which none of the final trainings has" in tuned
    assert f"for {', '.join(DEFAULT_CANDIDATES[:-1])} and {DEFAULT_CANDIDATES[-1]}:" in tuned
    epochs = next(each.default for each in PARAMETERS if each.name == "Epochs")
    assert f"the definition's {epochs} epochs" in tuned


def test_keys_are_unique() -> None:
    keys = [each.key for each in (*declared("primary"), *declared("secondary"))]
    assert len(set(keys)) == len(keys)
