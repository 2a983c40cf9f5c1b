"""Random definitions: the engine runs, skips and resolves what a reference interpreter does, in a legal order."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pipeline.errors import StepFailed
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.scheduler import execute
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.spec.definition import Json, PropertyFile, Step
from pipeline.spec.parameters import resolve_parameters
from pipeline.spec.parsing import parse_definition
from tests.pipeline.local.random_definitions import Drawn, definitions
from tests.pipeline.local.reference_interpreter import Interpreter, document_at, file_of, properties_of

EXECUTION = {"PipelineName": "random", "PipelineExecutionId": "abc123"}


class InstantJobs:
    """A JobRunner without processes. `events` has ("start" or "end", step) in order."""

    def __init__(self, failing: frozenset[str]) -> None:
        self.failing = failing
        self.asked: dict[str, Json] = {}
        self.events: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def __call__(self, call: JobCall) -> JobOutcome:
        step = call.step
        with self._lock:
            self.events.append(("start", step.name))
            self.asked[step.name] = call.arguments
        try:
            if step.name in self.failing:
                raise StepFailed("as drawn")
            return JobOutcome(properties_of(step.name, call.arguments))
        finally:
            with self._lock:
                self.events.append(("end", step.name))

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        return file_of(properties)

    def read_document(self, uri: str) -> Json:
        return document_at(uri)


class Nobody:
    """An observer that looks away."""

    def execution_changed(self, execution: ExecutionRecord) -> None:
        pass

    def log_line(self, step: str, line: str) -> None:
        pass


def run(drawn: Drawn, jobs: InstantJobs, at_once: int | None) -> ExecutionRecord:
    definition = parse_definition(json.dumps(drawn.document))
    parameters = resolve_parameters(definition, drawn.given)
    assert parameters == drawn.parameters
    return execute(
        definition,
        parameters,
        run_job=jobs,
        execution=EXECUTION,
        record=ExecutionRecord(
            execution_id="abc123",
            pipeline_name="random",
            target="local",
            status="Executing",
            parameters=parameters,
            started_at=0.0,
            steps=tuple(StepRecord(step.name, step.type) for step in definition.steps),
        ),
        save=lambda record: None,
        observer=Nobody(),
        stop=threading.Event(),
        max_parallel=at_once,
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(definitions(), st.sampled_from([None, 1, 2]))
def test_the_engine_does_what_the_reference_does(drawn: Drawn, at_once: int | None) -> None:
    reference = Interpreter(drawn.document, drawn.parameters, EXECUTION, drawn.failing)
    expected = reference.execute()
    jobs = InstantJobs(drawn.failing)
    record = run(drawn, jobs, at_once)

    assert {step.name: step.status for step in record.steps} == reference.statuses
    assert record.status == expected
    assert jobs.asked == reference.asked
    for name, outcome in reference.outcomes.items():
        assert record.step(name).properties == {"Outcome": str(outcome)}
    for name, message in reference.messages.items():
        assert record.step(name).failure_reason == message

    # Every job ran once, after the end of every job that it needs, however far back.
    assert Counter(jobs.events) == Counter(
        (what, name) for name in reference.asked for what in ("start", "end")
    )
    place = {happened: index for index, happened in enumerate(jobs.events)}
    for name in reference.asked:
        for before in everything_before(reference, name) & reference.asked.keys():
            assert place["end", before] < place["start", name]
    running = most = 0
    for what, _ in jobs.events:
        running += 1 if what == "start" else -1
        most = max(most, running)
    assert at_once is None or most <= at_once
    event(f"{len(record.steps)} steps, {len(set(reference.statuses.values()))} kinds of status")


def everything_before(reference: Interpreter, name: str) -> set[str]:
    direct = reference.needs(name)
    return direct.union(*(everything_before(reference, other) for other in direct))
