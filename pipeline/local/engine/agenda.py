"""Which step is next: those to look at again because one before them ended, and those that can start.

Its cost is that of the steps that an end concerns, not that of all there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from typing import Protocol

from pipeline.execution import StepRecord
from pipeline.spec.definition import Step

# Of a step in the definition, and of a child in its ForEach step: the order in which steps start.
_Place = tuple[int, int]


class Loop(Protocol):
    """A step that runs others, its children: a ForEach step (for_each.py), or the trials of a Tuning step."""

    @property
    def step(self) -> Step:
        """The step itself."""

    @property
    def children(self) -> Mapping[str, Step]:
        """The children by name, in order."""

    @property
    def running(self) -> set[str]:
        """Those that run, or may start now."""

    def before(self, child: Step) -> frozenset[str]:
        """The children that `child` waits for."""

    def admit(self, child: str) -> bool:
        """Whether a child that is ready may start now; if not, it queues."""

    def leave(self, child: str) -> str | None:
        """A child has ended; the one that may start now in its place."""

    def end(self, records: Mapping[str, StepRecord], *, stopping: bool) -> Mapping[str, object]:
        """What changes in the step's record now that none of its children runs any more."""


class Agenda:
    """The steps of one execution by name, with what each waits for, and the ForEach steps that run."""

    def __init__(self, steps: Collection[Step], waits_for: Mapping[str, frozenset[str]]) -> None:
        """Every step is to be looked at once."""
        self.waits_for: dict[str, frozenset[str]] = {}
        self._steps: dict[str, Step] = {}
        self._places: dict[str, _Place] = {}
        self._waiting: dict[str, list[str]] = {}
        self._unseen: list[tuple[_Place, str]] = []
        self._ready: list[tuple[_Place, str]] = []
        self._queued: set[str] = set()
        self._loops: dict[str, Loop] = {}
        self._loop_of: dict[str, Loop] = {}
        self._add({(place, 0): step for place, step in enumerate(steps)}, waits_for)

    def begin_loop(self, loop: Loop) -> None:
        """A ForEach step runs: its children are steps, too."""
        place, _ = self._places[loop.step.name]
        children = loop.children.values()
        self._loops[loop.step.name] = loop
        self._loop_of |= dict.fromkeys(loop.children, loop)
        self._add(
            {(place, number): child for number, child in enumerate(children, start=1)},
            {child.name: loop.before(child) for child in children},
        )

    def add_child(self, loop: Loop, child: Step) -> None:
        """One more child of a step that runs: the last one so far."""
        place, _ = self._places[loop.step.name]
        self._loop_of[child.name] = loop
        self._add({(place, len(loop.children)): child}, {child.name: loop.before(child)})

    def to_look_at(self) -> Step | None:
        """The next step of which something may have changed that it waits for; None when there is none."""
        while self._unseen:
            _, name = heapq.heappop(self._unseen)
            if name not in self._queued:
                return self._steps[name]
        return None

    def can_start(self, step: Step) -> None:
        """The step is ready, once: it is in the queue, or in that of its ForEach step."""
        self._queued.add(step.name)
        loop = self._loop_of.get(step.name)
        if loop is None or loop.admit(step.name):
            heapq.heappush(self._ready, (self._places[step.name], step.name))

    def to_start(self) -> Step | None:
        """The first step of the queue, which leaves it; None when there is none."""
        return self._steps[heapq.heappop(self._ready)[1]] if self._ready else None

    def ended(self, name: str) -> None:
        """A step has ended, or was skipped."""
        loop = self._loop_of.get(name)
        following = None if loop is None else loop.leave(name)
        if following is not None:
            heapq.heappush(self._ready, (self._places[following], following))
        for waiting in self._waiting[name]:
            heapq.heappush(self._unseen, (self._places[waiting], waiting))

    def end_loops(self, running: Collection[str], *, stopping: bool) -> list[Loop]:
        """The ForEach steps that end now, of whose children none is `running` and none may start any more.

        Call it when there is nothing to look at.
        """
        found = [
            loop
            for loop in self._loops.values()
            if loop.running.isdisjoint(running) and (stopping or not loop.running)
        ]
        for loop in found:
            del self._loops[loop.step.name]
        return found

    def _add(self, places: Mapping[_Place, Step], waits_for: Mapping[str, frozenset[str]]) -> None:
        self.waits_for |= waits_for
        for place, step in places.items():
            self._steps[step.name] = step
            self._places[step.name] = place
            self._waiting[step.name] = []
            heapq.heappush(self._unseen, (place, step.name))
        for step in places.values():
            for other in waits_for[step.name]:
                self._waiting[other].append(step.name)
