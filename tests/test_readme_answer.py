"""The README's answer is what the study's tables say."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "docs" / "study"
ANSWER = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The answer")[2].partition("\n## ")[0]
ROWS = {
    "dense baseline": "baseline",
    "3×3 kernels": "cnn-3x3",
    "5×5 kernels": "cnn-5x5",
    "5×5, as many parameters as 3×3": "cnn-5x5-params",
    "5×5, as many FLOPs as 3×3": "cnn-5x5-flops",
}


def table(name: str) -> list[dict[str, str]]:
    with (STUDY / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(value: str) -> str:
    return f"{100 * float(value):+.2f}".replace("-", "−")


@pytest.mark.parametrize(("model", "candidate"), ROWS.items())
def test_every_row_is_the_summary_s(model: str, candidate: str) -> None:
    (summary,) = (row for row in table("summary.csv") if row["candidate"] == candidate)
    accuracies = [
        f"{100 * float(summary[f'{split}_mean']):.2f} % ± {100 * float(summary[f'{split}_sd']):.2f}"
        for split in ("validation_accuracy", "test_accuracy")
    ]
    mega = f"{float(summary['forward_flops']) / 1e6:.1f}"
    cells = [model, *accuracies, f"{int(summary['params']):,}", mega]
    assert f"| {' | '.join(cells)} |" in ANSWER
    assert summary["seeds"] == ("5" if "as many" in model else "10")


@pytest.mark.parametrize("second", ["baseline", "cnn-5x5"])
def test_the_differences_are_the_tables(second: str) -> None:
    (difference,) = (
        row
        for row in table("differences.csv")
        if (row["first"], row["second"], row["measure"]) == ("cnn-3x3", second, "test_accuracy")
    )
    assert f"{points(difference['mean'])} points on test" in ANSWER
    assert f"{points(difference['bootstrap_low'])} to {points(difference['bootstrap_high'])})" in ANSWER


def test_the_seeds_and_the_images_that_would_settle_it_are_the_tables() -> None:
    assert ANSWER.strip().startswith("Ten seeds of the three models, five of the two arms")
    (needed,) = (
        int(row["images_needed"])
        for row in table("differences.csv")
        if (row["first"], row["second"], row["measure"]) == ("cnn-3x3", "cnn-5x5", "test_accuracy")
    )
    assert f"About {round(needed, -3):,} test images would tell 0.2 points from none" in ANSWER


def test_the_costs_are_the_tables() -> None:
    small, large = (
        next(row for row in table("summary.csv") if row["candidate"] == name)
        for name in ("cnn-3x3", "cnn-5x5")
    )
    ratio = int(large["forward_flops"]) / int(small["forward_flops"])
    params = int(large["params"]) / int(small["params"])
    assert f"{ratio:.2f} times the FLOPs, {params:.2f} times the parameters" in ANSWER


def test_the_verdicts_are_the_study_s() -> None:
    page = (STUDY / "README.md").read_text(encoding="utf-8").partition("## The answer")[2]
    declared = [verdict.lower() for verdict in re.findall(r"^- \*\*.+?\*\* (\w+)\.", page, re.MULTILINE)]
    claimed = re.findall(r"^\| [^|]+ \| (confirmed|refuted|undecided) \|", ANSWER, re.MULTILINE)
    assert claimed == declared[:3]
    assert len(claimed) == 3
