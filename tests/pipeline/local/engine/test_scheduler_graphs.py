"""Random graphs: the engine agrees with a reference that looks at one step after the other, without threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import StepFailed
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.scheduler import execute
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.spec.definition import Branch, Definition, Dependency, Json, PropertyFile, Step


@dataclass(frozen=True)
class Node:
    """A step: what it waits for (numbers of earlier steps), its branch, how it ends.

    `kind` is "job", "bad" (a job that fails), "fail" (a Fail step) or "true"/"false" (a Condition step).
    """

    after: frozenset[int]
    by_data: bool
    branch: tuple[tuple[int, bool], ...]
    kind: str


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(["job", "job", "job", "bad", "fail", "true", "false"]))
        jobs = {i for i, node in enumerate(nodes) if node.kind in ("job", "bad")}
        after = draw(st.frozensets(st.integers(0, number - 1), max_size=3)) if number else frozenset()
        by_data = kind in ("job", "bad") and after <= jobs and draw(st.booleans())
        conditions = [i for i, node in enumerate(nodes) if node.kind in ("true", "false")]
        branch: tuple[tuple[int, bool], ...] = ()
        if draw(st.booleans()) and conditions:
            inner = draw(st.sampled_from(conditions))
            branch = (*nodes[inner].branch, (inner, draw(st.booleans())))
        nodes.append(Node(after, by_data, branch, kind))
    return nodes


def definition_of(nodes: list[Node]) -> Definition:
    steps = []
    for number, node in enumerate(nodes):
        names = [f"S{i}" for i in sorted(node.after)]
        arguments: dict[str, Json] = {}
        if node.kind in ("true", "false"):
            arguments["Conditions"] = [{"Type": "Equals", "LeftValue": node.kind, "RightValue": "true"}]
        elif node.kind == "fail":
            arguments["ErrorMessage"] = f"message {number}"
        elif node.by_data:
            arguments["Inputs"] = [{"Get": f"Steps.{name}.Number"} for name in names]
        type = {"true": "Condition", "false": "Condition", "fail": "Fail"}.get(node.kind, "Processing")
        branch = tuple(Branch(f"S{condition}", taken) for condition, taken in node.branch)
        depends_on = () if node.by_data else tuple(map(Dependency, names))
        steps.append(Step(f"S{number}", type, arguments, depends_on=depends_on, branch=branch))
    # The engine must not depend on the order in which the definition lists the steps.
    return Definition("2020-12-01", (), tuple(reversed(steps)), "")


def reference(nodes: list[Node]) -> dict[str, str]:
    """The status of every step at the end."""
    ends: list[str] = []
    for node in nodes:
        before = {ends[i] for i in node.after} | {ends[condition] for condition, _ in node.branch}
        other_way = any(
            ends[condition] == "Succeeded" and (nodes[condition].kind == "true") != taken
            for condition, taken in node.branch
        )
        if "Skipped" in before or other_way:
            ends.append("Skipped")
        elif before <= {"Succeeded"}:
            ends.append("Failed" if node.kind in ("bad", "fail") else "Succeeded")
        else:
            ends.append("Pending")
    return {f"S{i}": end for i, end in enumerate(ends)}


class Jobs:
    """Succeeds or fails as the nodes say; notes when each job ran and with what."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.events: list[tuple[str, str]] = []
        self.arguments: dict[str, Mapping[str, Json]] = {}
        self.lock = threading.Lock()

    def __call__(self, call: JobCall) -> JobOutcome:
        step = call.step
        number = int(step.name[1:])
        with self.lock:
            self.events.append(("start", step.name))
            self.arguments[step.name] = call.arguments
        # Makes the order in which jobs end differ from the order in which they start.
        time.sleep(number % 3 / 1000)
        with self.lock:
            self.events.append(("end", step.name))
        if self.nodes[number].kind == "bad":
            raise StepFailed(f"message {number}")
        return JobOutcome({"Number": number})

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        raise AssertionError("no step declares one")

    def read_document(self, uri: str) -> Json:
        raise AssertionError("no expression reads one")


class Silent:
    def execution_changed(self, execution: ExecutionRecord) -> None:
        pass

    def log_line(self, step: str, line: str) -> None:
        pass


@given(nodes=graphs(), at_once=st.sampled_from([None, 1, 2]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_graph_ends_as_the_reference_says(nodes: list[Node], at_once: int | None) -> None:
    definition = definition_of(nodes)
    jobs = Jobs(nodes)
    record = execute(
        definition,
        {},
        run_job=jobs,
        execution={},
        record=ExecutionRecord(
            execution_id="abcdef123456",
            pipeline_name="test",
            target="local",
            status="Executing",
            parameters={},
            started_at=time.time(),
            steps=tuple(StepRecord(step.name, step.type) for step in definition.steps),
        ),
        save=lambda record: None,
        observer=Silent(),
        stop=threading.Event(),
        max_parallel=at_once,
    )
    expected = reference(nodes)
    assert {step.name: step.status for step in record.steps} == expected
    assert record.status == ("Failed" if "Failed" in expected.values() else "Succeeded")

    ran = {f"S{i}" for i, node in enumerate(nodes) if node.kind in ("job", "bad")} & {
        name for name, status in expected.items() if status in ("Succeeded", "Failed")
    }
    assert sorted(jobs.events) == sorted((what, name) for name in ran for what in ("start", "end"))
    for name in ran:
        node = nodes[int(name[1:])]
        start = jobs.events.index(("start", name))
        earlier = {f"S{i}" for i in node.after} & {
            f"S{i}" for i, n in enumerate(nodes) if n.kind in ("job", "bad")
        }
        assert all(jobs.events.index(("end", other)) < start for other in earlier)
        if node.by_data:
            assert jobs.arguments[name] == {"Inputs": sorted(node.after)}
