"""Which steps must have ended before a step can start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from pipeline.spec.definition import Definition, Step
from pipeline.spec.expressions import steps_referenced


def dependencies(definition: Definition) -> dict[str, frozenset[str]]:
    """For every step, in the definition's order, the names of the steps it waits for.

    These are its DependsOn, the steps whose properties or property files its arguments read, and the Condition
    steps in whose branches it stands. A step that names a Condition step in its DependsOn waits for the condition's
    outcome, not for the branch taken: so the SageMaker SDK orders its graph (PipelineGraph), and the service
    documents nothing else.
    """
    return {step.name: _waits_for(step) for step in definition.steps}


def cycles(waits_for: Mapping[str, frozenset[str]]) -> Iterator[list[str]]:
    """Cycles of the graph, each as [a, b, …, a] where every step waits for the next; no two share a step."""
    order = list(waits_for)
    # Sorted: which cycle is found first depends on the order, and that of a set differs between processes.
    remaining = {name: sorted(others) for name, others in waits_for.items()}
    while True:
        try:
            TopologicalSorter(remaining).prepare()
        except CycleError as error:
            # graphlib puts every node before those that wait for it, and repeats the first at the end.
            cycle: list[str] = error.args[1][:0:-1]
            start = cycle.index(min(cycle, key=order.index))
            yield [*cycle[start:], *cycle[: start + 1]]
            remaining = {
                name: [other for other in others if other not in cycle]
                for name, others in remaining.items()
                if name not in cycle
            }
        else:
            return


def _waits_for(step: Step) -> frozenset[str]:
    """What the step waits for, and for a ForEach step all that its body waits for outside of it."""
    inside = {each.name for each in step.body}
    return _own(step).union(*(_own(each) for each in step.body)) - inside


def _own(step: Step) -> frozenset[str]:
    conditions = {branch.condition_step for branch in step.branch}
    named = {dependency.step for dependency in step.depends_on}
    return steps_referenced([step.arguments, step.members]) | conditions | named
