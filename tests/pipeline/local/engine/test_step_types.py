"""A type of step is one entry in one table: what reads, checks, caches and runs steps finds it there."""

from __future__ import annotations

import pkgutil
from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.job import Job, JobKind, Start
from pipeline.local.jobs.local_jobs import runner_of
from pipeline.local.state.store import Store
from pipeline.spec.argument_rules import Between, Only
from pipeline.spec.definition import Json, Step
from pipeline.spec.references import Path
from pipeline.spec.step_types import STEP_TYPES
from pipeline.spec.step_types.step_type import StepType
from tests.pipeline.local.engine.test_start import document, get, start, statuses, step
from tests.pipeline.local.workbench import Workbench


def shout(job: Job) -> dict[str, Json]:
    def command(host: Host) -> Start:
        word = job.request["Word"]
        return Start([host.python, "-c", f"open('opt/ml/model/w', 'w').write({word!r}.upper())"], "/", {})

    job.run(command, "/opt/ml/output/failure")
    return {"Shouted": job.hosts[0].container.path("/opt/ml/model/w").read_text()}


SHOUTING = JobKind(mounts=lambda request: (), instances=lambda request: 1, run=shout)


def properties(step: Step) -> list[Path]:
    return [("Shouted",)]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> StepType:
    entry = StepType(
        name="Toy",
        runs="job",
        runner=f"{__name__}:SHOUTING",
        keys=("CacheConfig", "Volume"),
        needs=("Word",),
        rules=(Only("Mood", ("loud",)), Between("Times", 1, 3)),
        inputs=("Source",),
        cache_attributes=("Word",),
        properties=properties,
    )
    monkeypatch.setitem(STEP_TYPES, "Toy", entry)
    return entry


def toy_step(name: str, **arguments: Any) -> dict[str, Any]:
    return {**step(name, "Toy", arguments), "Volume": 11, "CacheConfig": {"Enabled": True}}


def test_a_type_that_the_table_has_is_run_and_read_by_others(
    toy: StepType, bench: Workbench, local_store: Store
) -> None:
    text = document(toy_step("First", Word="hey"), toy_step("Second", Word=get("Steps.First.Shouted")))
    record = start(bench, local_store, text)
    assert statuses(record) == {"First": "Succeeded", "Second": "Succeeded"}, record.failure_reason
    assert [record.step(name).properties["Shouted"] for name in ("First", "Second")] == ["HEY", "HEY"]
    again = start(bench, local_store, text)
    assert [each.cached for each in again.steps] == [True, True]


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([toy_step("T", Word="a", Times=4)], "Arguments.Times: the local engine supports only 1 to 3"),
        ([toy_step("T")], "$.Steps[0].Arguments.Word: missing"),
        ([toy_step("T", Word="a", Mood="low")], "Arguments.Mood: the local engine supports only 'loud'"),
        ([{**toy_step("T", Word="a"), "Volum": 1}], "$.Steps[0].Volum: not supported here"),
        (
            [toy_step("T", Word="a"), toy_step("U", Word=get("Steps.T.Shouter"))],
            "a Toy step has only Shouted (got 'Steps.T.Shouter')",
        ),
    ],
)
def test_its_entry_says_what_is_refused(
    toy: StepType, bench: Workbench, local_store: Store, steps: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        start(bench, local_store, document(*steps))
    assert problem in str(caught.value)


def test_its_entry_says_where_inputs_are_named(toy: StepType, bench: Workbench, local_store: Store) -> None:
    with pytest.raises(Exception, match="not in the local S3") as caught:
        start(bench, local_store, document(toy_step("T", Word="a", Source=bench.uri("nowhere"))))
    assert bench.uri("nowhere") in str(caught.value)


def test_a_type_that_the_table_lacks_is_no_type(bench: Workbench, local_store: Store) -> None:
    with pytest.raises(DefinitionError, match=r"\$\.Steps\[0\]\.Type: must be one of Processing, "):
        start(bench, local_store, document(toy_step("T", Word="a")))


@pytest.mark.parametrize("name", [each.name for each in STEP_TYPES.values() if each.runner])
def test_every_runner_that_the_table_names_is_there(name: str) -> None:
    runner = runner_of(name)
    assert isinstance(runner, JobKind) == (STEP_TYPES[name].runs in ("job", "function"))
    assert callable(pkgutil.resolve_name(STEP_TYPES[name].runner)) == (STEP_TYPES[name].runs == "call")


def test_what_runs_in_a_job_or_a_call_has_a_runner_and_nothing_else_has() -> None:
    runs = {each.name: each.runs in ("job", "function", "call") for each in STEP_TYPES.values()}
    assert {each.name: bool(each.runner) for each in STEP_TYPES.values()} == runs
