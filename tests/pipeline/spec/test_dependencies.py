from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.spec.dependencies import cycles, dependencies
from pipeline.spec.parsing import parse_definition


def processing(name: str, depends_on: tuple[str, ...] = (), reads: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": "Processing",
        "DependsOn": list(depends_on),
        "Arguments": {
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "x.py"],
                "ContainerArguments": [{"Get": f"Steps.{step}.ProcessingJobArn"} for step in reads],
            },
            "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}},
            "ProcessingOutputConfig": {
                "Outputs": [
                    {"OutputName": "o", "S3Output": {"S3Uri": "s3://bkt/o", "LocalPath": "/opt/ml/o"}}
                ]
            },
        },
        "PropertyFiles": [{"PropertyFileName": "F", "OutputName": "o", "FilePath": "f.json"}],
    }


def condition(name: str, left: Any, if_steps: list[Any], else_steps: list[Any]) -> dict[str, Any]:
    test = {"Type": "Equals", "LeftValue": left, "RightValue": "x"}
    arguments = {"Conditions": [test], "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def graph_of(*steps: dict[str, Any]) -> dict[str, frozenset[str]]:
    text = json.dumps({"Version": "2020-12-01", "Steps": list(steps)})
    return dependencies(parse_definition(text))


def test_a_step_waits_for_what_it_depends_on_and_for_what_it_reads() -> None:
    graph = graph_of(processing("A"), processing("B", ("A",)), processing("C", reads=("B",)))
    assert graph == {"A": set(), "B": {"A"}, "C": {"B"}}
    assert list(graph) == ["A", "B", "C"]


def test_a_condition_waits_for_the_property_files_it_reads_and_its_branches_for_it() -> None:
    get = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.F"}, "Path": "verdict"}}
    inner = condition("Inner", "x", [processing("C", ("B",))], [processing("D")])
    graph = graph_of(processing("A"), processing("B"), condition("Gate", get, [inner], [processing("E")]))
    assert graph == {
        "A": set(),
        "B": set(),
        "Gate": {"A"},
        "Inner": {"Gate"},
        "C": {"B", "Gate", "Inner"},
        "D": {"Gate", "Inner"},
        "E": {"Gate"},
    }


def test_depending_on_a_condition_is_waiting_for_its_outcome_not_for_its_branch() -> None:
    graph = graph_of(condition("Gate", "x", [processing("A")], []), processing("B", ("Gate",)))
    assert graph["B"] == {"Gate"}


def test_reading_the_outcome_of_a_condition_is_waiting_for_it() -> None:
    graph = graph_of(
        condition("Gate", "x", [], []),
        condition("Next", {"Get": "Steps.Gate.Outcome"}, [], [processing("A")]),
    )
    assert graph["Next"] == {"Gate"}


def test_every_separate_cycle_is_found_from_its_first_step() -> None:
    waits_for = {"A": {"C"}, "B": {"A"}, "C": {"B"}, "D": {"A"}, "E": {"E"}, "F": {"D"}}
    found = list(cycles({name: frozenset(others) for name, others in waits_for.items()}))
    assert sorted(found) == [["A", "C", "B", "A"], ["E", "E"]]


NAMES = [f"S{i}" for i in range(6)]
EDGES = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)))


def reaches_itself(name: str, edges: set[tuple[str, str]]) -> bool:
    seen: set[str] = set()
    waiting = [other for step, other in edges if step == name]
    while waiting:
        step = waiting.pop()
        if step not in seen:
            seen.add(step)
            waiting += [other for start, other in edges if start == step]
    return name in seen


@settings(deadline=None)
@given(EDGES)
def test_cycles_are_real_and_removing_them_leaves_none(edges: set[tuple[str, str]]) -> None:
    graph = {name: frozenset(other for step, other in edges if step == name) for name in NAMES}
    found = list(cycles(graph))
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(later in graph[earlier] for earlier, later in pairwise(cycle))
    assert bool(found) is any(reaches_itself(name, edges) for name in NAMES)


@settings(deadline=None)
@given(EDGES, EDGES)
def test_the_edges_of_any_acyclic_graph_are_found(
    depends: set[tuple[str, str]], reads: set[tuple[str, str]]
) -> None:
    # Pointing every edge to the earlier of its two steps leaves no cycle.
    depends, reads = (
        {(max(edge), min(edge)) for edge in edges if edge[0] != edge[1]} for edges in (depends, reads)
    )
    steps = [
        processing(
            name,
            tuple(other for step, other in depends if step == name),
            tuple(other for step, other in reads if step == name),
        )
        for name in NAMES
    ]
    assert graph_of(*steps) == {
        name: {other for step, other in depends | reads if step == name} for name in NAMES
    }
