"""What `--tune` takes: refused before anything is compiled."""

from __future__ import annotations

import pytest

from pipeline.cli.commands.compile_options import graph_choices
from pipeline.cli.parser import build_parser
from pipeline.definition.search_space import (
    GRID_SIZE,
    SPACE,
    check_search,
    end_of_range,
    names,
    without_tuned,
)
from pipeline.definition.settings import local_settings
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--tune", "0"), r"--tune takes 1 to 100 trials for each candidate \(got 0\)\."),
        (("--tune", "-3"), r"--tune takes 1 to 100 trials for each candidate \(got -3\)\."),
        (("--tune", "101"), r"--tune takes 1 to 100 trials for each candidate \(got 101\)\."),
        (("--tune-strategy", "Random"), "--tune-strategy Random goes with --tune N"),
        (("--tune", "4", "--tune-strategy", "Grid"), r"use --tune 18 \(got 4\)\."),
    ],
)
@pytest.mark.parametrize("command", ["run", "definition", "study"])
def test_a_search_that_cannot_be_made_is_refused(command: str, words: tuple[str, ...], problem: str) -> None:
    args = build_parser().parse_args([command, *words])
    args.instances = 1
    with pytest.raises(UsageError, match=problem):
        graph_choices(args)


def test_a_strategy_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="must be one of Bayesian, Random, Grid, Hyperband"):
        check_search(3, "Bayes")
    with pytest.raises(UsageError, match="must be one of"):
        local_settings("123456789012", "us-east-1", tune=3, tune_strategy="bayesian")


def test_the_choices_reach_the_settings() -> None:
    args = build_parser().parse_args(["run", "--tune", str(GRID_SIZE), "--tune-strategy", "Grid"])
    choices = graph_choices(args)
    assert (choices["tune"], choices["tune_strategy"]) == (GRID_SIZE, "Grid")
    plain = graph_choices(build_parser().parse_args(["run"]))
    assert (plain["tune"], plain["tune_strategy"]) == (0, "Bayesian")


def test_what_grid_tries_lies_in_the_ranges() -> None:
    for each in SPACE:
        assert set(each.grid) <= set(each.values) or all(
            each.low <= float(text) <= each.high for text in each.grid
        )


def test_a_search_takes_what_it_tunes_out_of_a_candidates_own() -> None:
    own = {"filters": "32,64", **dict.fromkeys(names(), "1")}
    assert without_tuned(own) == {"filters": "32,64"}


@pytest.mark.parametrize(
    ("name", "value", "end"),
    [
        ("learning-rate", "0.001", "lowest"),
        ("learning-rate", "0.0011", "lowest"),  # 2.8 % of the way, in logarithms
        ("learning-rate", "0.0013", None),
        ("learning-rate", "0.0271", "highest"),
        ("label-smoothing", "0.006", "lowest"),
        ("label-smoothing", "0.18", None),
        ("batch-size", "64", "lowest"),
        ("batch-size", "128", None),
        ("batch-size", "256", "highest"),
        ("epochs", "12", None),
    ],
)
def test_a_best_value_at_an_end_of_its_range_is_known(name: str, value: str, end: str | None) -> None:
    assert end_of_range(name, value) == end
