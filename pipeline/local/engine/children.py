"""The children of ForEach and Tuning steps: they become steps of the execution, listed after their parent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from pipeline.local.engine.agenda import Agenda
from pipeline.local.engine.for_each import ITEMS, Loop
from pipeline.local.engine.live_record import LiveRecord
from pipeline.local.engine.scope import ExecutionScope
from pipeline.local.engine.tuning.tuning_run import KeptSearches, TuningRun
from pipeline.local.jobs.runner import JobOutcome
from pipeline.spec.definition import Json, Step


@dataclass
class Children:
    """Puts children into what one execution knows: its record, its agenda, its expressions' scope and its shares of
    the `cores`. Only the thread that decides uses it.
    """

    live: LiveRecord
    agenda: Agenda
    scope: ExecutionScope
    cores: dict[str, int]
    at_once: int | None
    kept: KeptSearches | None
    say: Callable[[str, str], None]
    stop: threading.Event
    _searches: dict[str, TuningRun] = field(default_factory=dict)

    def begin_loop(self, loop: Loop) -> None:
        """Let the children of a ForEach step be steps of the execution."""
        name, children = loop.step.name, loop.children
        self._admit(name, children.values(), min(loop.at_once, len(children) or 1))
        self.live.put_after(name, loop.records(self.live.steps))
        self.agenda.begin_loop(loop)
        self.live.change(name, properties={ITEMS: loop.items})

    def earlier(self, step: Step, arguments: Mapping[str, Json]) -> JobOutcome | None:
        """What a search equal to that of a Tuning step has found in an earlier execution."""
        return None if self.kept is None else self.kept.earlier(step, arguments)

    def begin_search(self, step: Step, arguments: Mapping[str, Json]) -> None:
        """Let the trials of a Tuning step be steps of the execution, those of an earlier attempt first."""
        name = step.name
        search = TuningRun(
            step,
            arguments,
            self.live.steps[name],
            execution_id=self.live.record.execution_id,
            account=self.scope.execution.get("PipelineArn", "").rpartition(":")[0],
            stop=self.stop,
            say=lambda line: self.say(name, line),
            kept=self.kept,
        )
        self._searches[name] = search
        before = {record.name: record for record in self.live.steps.values() if record.part_of == name}
        for child in search.restore(before.values()):
            before[child.name] = search.record_of(child.name, before[child.name])
        # What was never proposed is no trial.
        self.live.put_after(name, {child: before[child] for child in search.children})
        self.agenda.begin_loop(search)
        self._admit(name, search.children.values(), search.at_once)
        self.propose(search)

    def propose(self, search: TuningRun) -> None:
        """Let the trials that it is time for be steps of the execution."""
        name = search.step.name
        while (child := search.next()) is not None:
            known = self.live.steps
            new = {child.name: search.record_of(child.name, known.get(child.name))}
            others = {each: known[each] for each in search.children if each != child.name}
            self.live.put_after(name, others | new)
            self.agenda.add_child(search, child)
            self._admit(name, [child], search.at_once)
        self.live.change(name, properties=search.properties())

    def search_of(self, parent: str | None) -> TuningRun | None:
        """The search whose step is called `parent`, if that is a Tuning step that runs."""
        return self._searches.get(parent or "")

    def check_time(self) -> None:
        """Let every search see whether its time is over."""
        for search in self._searches.values():
            search.check_time()

    def _admit(self, parent: str, children: Collection[Step], at_once: int) -> None:
        """Let children, of which so many run at once, share their parent's cores and be known to expressions."""
        width = min(at_once, self.at_once or at_once)
        self.cores |= dict.fromkeys(
            (each.name for each in children), max(1, self.cores.get(parent, 1) // width)
        )
        self.scope.add(children)
