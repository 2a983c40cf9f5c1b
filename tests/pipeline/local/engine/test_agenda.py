"""What is looked at when a step ends: what waits for it, and nothing else, in the definition's order."""

from __future__ import annotations

from pipeline.local.engine.agenda import Agenda
from pipeline.local.engine.for_each import Loop
from pipeline.spec.definition import Step

STEPS = 500


def step(name: str) -> Step:
    return Step(name, "Processing", {})


def chain(count: int) -> Agenda:
    steps = [step(f"S{i}") for i in range(count)]
    return Agenda(steps, {f"S{i}": frozenset({f"S{i - 1}"} if i else ()) for i in range(count)})


def seen(agenda: Agenda) -> list[str]:
    """The steps that are to be looked at now."""
    names = []
    while (found := agenda.to_look_at()) is not None:
        names.append(found.name)
    return names


def test_every_step_is_looked_at_once_and_then_those_that_an_end_concerns() -> None:
    agenda = chain(STEPS)
    assert seen(agenda) == [f"S{i}" for i in range(STEPS)]
    for i in range(STEPS - 1):
        agenda.ended(f"S{i}")
        assert seen(agenda) == [f"S{i + 1}"]


def test_steps_start_in_the_definitions_order_and_once() -> None:
    agenda = Agenda([step("A"), step("B")], {"A": frozenset(), "B": frozenset()})
    assert seen(agenda) == ["A", "B"]
    for name in "BA":
        agenda.can_start(step(name))
    started = [agenda.to_start(), agenda.to_start(), agenda.to_start()]
    assert [None if found is None else found.name for found in started] == ["A", "B", None]
    agenda.ended("A")
    assert seen(agenda) == []


def test_children_come_after_their_step_and_before_the_next() -> None:
    each = Step("Each", "ForEach", {"MaxConcurrency": 1}, body=(step("P"),))
    agenda = Agenda([each, step("B")], {"Each": frozenset(), "B": frozenset()})
    assert seen(agenda) == ["Each", "B"]
    agenda.can_start(step("B"))
    loop = Loop.of(each, ["x", "y"])
    agenda.begin_loop(loop)
    assert seen(agenda) == ["P-0", "P-1"]
    for child in loop.children.values():
        agenda.can_start(child)
    # One at a time: the second has to wait for the first.
    assert [found.name for found in (agenda.to_start(), agenda.to_start()) if found] == ["P-0", "B"]
    assert agenda.to_start() is None
    assert agenda.end_loops((), stopping=False) == []
    agenda.ended("P-0")
    assert (agenda.to_start() or each).name == "P-1"
    agenda.ended("P-1")
    assert agenda.end_loops((), stopping=False) == [loop]
