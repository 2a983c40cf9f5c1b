from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.targets.aws.listed_steps import Node, check_selection, read_graph
from tests.pipeline.targets.aws.answers import DEFINITION


def test_branches_follow_their_condition() -> None:
    graph = read_graph(DEFINITION)
    assert [node.name for node in graph.nodes] == [
        "NormalizeData",
        "Train-baseline-0",
        "Evaluate",
        "QualityGate",
        "GateMissed",
    ]
    assert graph.nodes[-1] == Node("GateMissed", "Fail", (("QualityGate", False),))
    assert graph.parameters["Epochs"] == ("Integer", 12)


def test_steps_that_there_are_can_be_selected() -> None:
    check_selection(["Evaluate", "QualityGate"], read_graph(DEFINITION))
    check_selection([], read_graph(DEFINITION))


def test_a_step_that_there_is_not_is_refused_with_what_may_be_meant() -> None:
    with pytest.raises(UsageError, match="Did you mean Evaluate"):
        check_selection(["Evalute"], read_graph(DEFINITION))
