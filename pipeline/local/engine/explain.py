"""Says why a step of an execution was run, and not reused, or why it was not run: for `explain`, and for tests.

What the engine decided is in the state folder (state/decisions.py). What had changed is found here: the parts of
the step's cache key, against those of the latest earlier success of the same step of the same pipeline; and where
the new value came from, by the definition that ran: a parameter, an earlier step, the execution itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import FashionError
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.json_changes import differences, same, two_texts
from pipeline.local.jobs.input_contents import changed_contents
from pipeline.local.jobs.local_jobs import step_folder
from pipeline.local.state.cache import KEY_PARTS, cache_attributes
from pipeline.local.state.decisions import Decision, Decisions
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.shown import cut, listed
from pipeline.spec.definition import MISSING, Json
from pipeline.spec.expressions import is_expression, references
from pipeline.spec.for_each import every_request, is_child
from pipeline.spec.parsing import parse_definition
from pipeline.spec.references import Path, Reference

_ATTRIBUTES, _IMAGE = KEY_PARTS.index("attributes"), KEY_PARTS.index("image")


@dataclass(frozen=True)
class Change:
    """A part of the cache key that differs from that of an earlier success.

    `origin` says where the new value comes from, as far as the definition tells; `step` is the earlier step in it.
    """

    member: str
    before: Json
    after: Json
    origin: str | None = None
    step: str | None = None

    def as_json(self) -> dict[str, Json]:
        """For `--json`; a side that has nothing there is left out."""
        sides = {"before": self.before, "after": self.after}
        given = {name: value for name, value in sides.items() if value is not MISSING}
        return {"member": self.member, **given, "origin": self.origin, "step": self.step}

    def __str__(self) -> str:
        before, after = two_texts(self.before, self.after)
        return f"{self.member}: {before} → {after}" + (f"  ({self.origin})" if self.origin else "")


@dataclass(frozen=True)
class Explanation:
    """Why a step ran or did not: `reason` in one word or two, `text` in a sentence.

    `compared_with` is the execution whose success the `changes` are since.
    """

    execution_id: str
    step: str
    status: str
    reason: str
    text: str
    compared_with: str | None = None
    changes: tuple[Change, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """For `--json`."""
        own = {name: value for name, value in vars(self).items() if name != "changes"}
        return own | {"changes": [change.as_json() for change in self.changes]}


def explain(home: Home, store: Store, record: ExecutionRecord, name: str) -> Explanation:
    """Why the step `name` of the execution was run, reused, or not reached.

    Raises:
        UsageError: the execution has no such step.
        StateError: the state database fails.
    """
    step = record.step(name)

    def said(reason: str, text: str, **more: Any) -> Explanation:
        return Explanation(record.execution_id, name, step.status, reason, f"{name} {text}", **more)

    if step.reused_from is not None and step.started_at is None:
        return said("not selected", f"was not selected to run: its result is that of {step.reused_from}.")
    if step.status == "Skipped":
        return said(
            "skipped",
            "was skipped: it was not selected, is on a branch that was not taken, or waits for what was skipped or "
            "did not end as it asks.",
        )
    if step.started_at is None:
        return said("not reached", _not_reached(record))
    if cache_attributes(step.type) is None:
        return said("never reused", f"ran: a step of type {step.type} is never reused.")
    decisions = Decisions(store)
    decision = decisions.find(record.execution_id, name)
    if decision is None:
        return said(
            "not known",
            "ran, or failed before its job began; more is not known. What decides a step is kept since this "
            "version, and only by the local engine.",
        )
    match decision.verdict:
        case "reused":
            source = str(decision.detail)
            folders = (step_folder(home, each, name) for each in (source, record.execution_id))
            changed = changed_contents(*folders)
            besides = "".join(
                f"\nWhat lies at {uri} is not what that execution read. As on SageMaker, the "
                "cache compares addresses alone: to have it read, use another address, or --no-cache."
                for uri in changed
            )
            equal = f"was reused from execution {source}: everything that decides its result is the same.{besides}"
            return said("reused", equal)
        case "finished before":
            return said("finished before", "had finished before this execution was interrupted.")
        case "expired" | "changed on disk" | "damaged":
            return said(decision.verdict, f"ran, since {decision.detail}.")
    why = {
        "caching is off": "ran, since its CacheConfig is missing or off.",
        "no cache wanted": "ran, since the execution was started without reuse (--no-cache).",
    }.get(decision.verdict)
    reason: str = decision.verdict if why else "changed"
    successes = _successes(store, record, name)
    earlier = _latest_known(decisions, successes, name, decision)
    if earlier is None:
        if why:
            return said(decision.verdict, why)
        if any(other.started_at < record.started_at for other in successes):
            return said("not known", "ran; it is not known what decided its earlier successes.")
        return said("no earlier success", "ran: no earlier execution of this pipeline has a success of it.")
    other, before = earlier
    changes = tuple(_changes(store, decisions, record, step, other, decision.key, before.key))
    since = f"the success in execution {other.execution_id}"
    if changes:
        text = (
            f"{why} Besides, it has changed since {since}." if why else f"ran, since it differs from {since}."
        )
    elif why:
        text = f"{why} Nothing that decides its result has changed since {since}."
    elif decision.key == before.key:
        reason, text = "no result", f"ran, since the result of {since} is not recorded any more."
    else:
        reason, text = "not known", f"ran, since it differs from {since}; in what is not recorded any more."
    return said(reason, text, compared_with=other.execution_id, changes=changes)


def _not_reached(record: ExecutionRecord) -> str:
    failed = [step.name for step in record.steps if step.status == "Failed"]
    if failed:
        return f"was not reached: {listed(failed)} failed."
    return f"was not reached: the execution is {record.status}."


def _successes(store: Store, record: ExecutionRecord, name: str) -> list[ExecutionRecord]:
    """The other executions of the same pipeline in which the step succeeded."""
    return [
        other
        for other in store.executions()
        if other.pipeline_name == record.pipeline_name
        and other.execution_id != record.execution_id
        and any(step.name == name and step.status == "Succeeded" for step in other.steps)
    ]


def _latest_known(
    decisions: Decisions, successes: Sequence[ExecutionRecord], name: str, decision: Decision
) -> tuple[ExecutionRecord, Decision] | None:
    """Of the successes the latest one before this decision whose key is known."""
    found = []
    for other in successes:
        before = decisions.find(other.execution_id, name)
        if before is not None and before.decided_at <= decision.decided_at:
            found.append((other, before))
    return max(found, key=lambda pair: pair[1].decided_at, default=None)


def _changes(
    store: Store,
    decisions: Decisions,
    record: ExecutionRecord,
    step: StepRecord,
    other: ExecutionRecord,
    key: str,
    key_before: str,
) -> Iterator[Change]:
    before, after = (_parts(decisions.document(each)) for each in (key_before, key))
    if before is None or after is None:
        return
    arguments = _arguments(store, record, step.name)
    for index in range(max(len(before), len(after))):
        old, new = (parts[index] if index < len(parts) else MISSING for parts in (before, after))
        if same(old, new):
            continue
        if index == _ATTRIBUTES:
            for each in differences(old, new):
                origin, source = _origin(arguments, each.path, record, other)
                yield Change(each.name, each.before, each.after, origin, source)
        elif index == _IMAGE:
            yield _of_packages(str(old), str(new))
        else:
            label = KEY_PARTS[index] if index < len(KEY_PARTS) else "the job"
            for each in differences(old, new, label):
                yield Change(each.name, each.before, each.after)


def _parts(document: str | None) -> list[Json] | None:
    value = None if document is None else json.loads(document)
    return value if isinstance(value, list) else None


def _of_packages(before: str, after: str) -> Change:
    """The Python of the jobs as it differs: the lines of local_image that only one side has."""
    old, new = before.splitlines(), after.splitlines()
    gone = [line for line in old if line not in set(new)]
    come = [line for line in new if line not in set(old)]
    origin = (
        "what stands for the container's image: the Python of jobs, its packages, a stand-in and its files"
    )
    return Change("the image", gone or MISSING, come or MISSING, origin)


def _arguments(store: Store, record: ExecutionRecord, name: str) -> Mapping[str, Json]:
    """The step's arguments as the definition has them; empty when that cannot be told."""
    try:
        definition = parse_definition(store.definition_text(record.execution_id))
    except FashionError:
        return {}
    steps = list(every_request(definition))
    found = [each for each in steps if each.name == name] or [
        each for each in steps if is_child(name, each.name)
    ]
    return found[0].arguments if found else {}


def _origin(
    arguments: Mapping[str, Json], path: Path, record: ExecutionRecord, other: ExecutionRecord
) -> tuple[str | None, str | None]:
    """Where the value at `path` of a step's resolved arguments comes from, and the earlier step in that."""
    said: dict[str, str | None] = {}
    for reference in references(_expression_at(arguments, path)):
        text = _of_reference(reference, record, other)
        if text is not None:
            said[text] = reference.name if reference.root == "Steps" else None
    steps = [step for step in said.values() if step is not None]
    return (f"from {' and '.join(said)}" if said else None), (steps[0] if steps else None)


def _expression_at(arguments: Json, path: Path) -> Json:
    """The expression that stands at `path` or above; what stands there when there is none."""
    value = arguments
    for key in path:
        if is_expression(value):
            return value
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _of_reference(reference: Reference, record: ExecutionRecord, other: ExecutionRecord) -> str | None:
    """A clause about what a value is made of; None when that was equal in the `other` execution."""
    name = reference.name
    if reference.root == "Parameters":
        values = [each.parameters.get(name) for each in (other, record)]
        return None if values[0] == values[1] else f"the parameter {name}"
    if reference.root == "Execution":
        if name in ("PipelineName", "PipelineArn"):
            return None
        return f"the execution's own {name}, which is another each time: such a step can never be reused"
    if reference.root != "Steps":
        return f"PipelineExperimentConfig.{name}"
    step = _step(record.steps, name)
    if step is None:
        return f"the step {name}"
    if step.reused_from is not None:
        return f"the output of {name}, reused from execution {step.reused_from}"
    again = f", in attempt {step.attempts}" if step.attempts > 1 else ""
    see = f"python -m pipeline explain {record.execution_id} {name}"
    return cut(f"the new output of {name}, which ran{again}: {see}")


def _step(steps: Sequence[StepRecord], name: str) -> StepRecord | None:
    return next((step for step in steps if step.name == name), None)
