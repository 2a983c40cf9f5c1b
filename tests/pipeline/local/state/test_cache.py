"""When the result of an earlier job is reused, and when not."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.engine.cached_jobs import CachedJobs
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.local.state.cache import StepCache, key_document
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.spec.definition import CacheConfig, Json, PropertyFile, Step

MONTH = CacheConfig(enabled=True, expire_after="P30D")
PROCESSING: dict[str, Any] = {
    "AppSpecification": {"ImageUri": "image", "ContainerArguments": ["--one", "1"]},
    "Environment": {"LEVEL": "3"},
    "ProcessingInputs": [{"InputName": "raw", "S3Input": {"S3Uri": "s3://bucket/raw"}}],
    "ProcessingOutputConfig": {"Outputs": [{"S3Output": {"S3Uri": "s3://bucket/out"}}]},
    "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.xlarge"}},
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
}
TRAINING: dict[str, Any] = {
    "AlgorithmSpecification": {"TrainingImage": "image"},
    "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints"},
    "HyperParameters": {"epochs": "3"},
    "InputDataConfig": [{"ChannelName": "train"}],
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
    "ResourceConfig": {"InstanceType": "ml.g5.xlarge"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


@dataclass
class Worker:
    """A JobRunner whose jobs write one object, `out/<execution>/answer`, straight to where it is persisted."""

    objects: Objects
    execution_id: str
    ran: list[str] = field(default_factory=list)
    fails: bool = False

    def __call__(self, call: JobCall) -> JobOutcome:
        self.ran.append(call.step.name)
        if self.fails:
            raise StepFailed("exit status 1")
        key = f"out/{self.execution_id}"
        self.objects.put("bucket", f"{key}/answer", [f"of {self.execution_id}".encode()])
        return JobOutcome(properties_of(f"s3://bucket/{key}"))

    def read_property_file(
        self, step: Step, property_file: PropertyFile, properties: Mapping[str, Json]
    ) -> Json:
        return [property_file.name, properties]

    def read_document(self, uri: str) -> Json:
        return uri


def properties_of(uri: str) -> dict[str, Any]:
    return {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": {"S3Uri": uri}}]}}


class State:
    """A state folder; `run` runs a step in an execution of its own."""

    def __init__(self, home: Home, store: Store) -> None:
        self.home = home
        self.store = store
        self.objects = Objects(home, store)
        self.said: list[str] = []
        self.worker = Worker(self.objects, "")

    def run(
        self,
        execution_id: str,
        arguments: Mapping[str, Json] = PROCESSING,
        *,
        cache: CacheConfig | None = MONTH,
        pipeline: str = "fashion",
        reuse: bool = True,
        fails: bool = False,
        name: str = "Step",
    ) -> JobOutcome:
        self.worker = Worker(self.objects, execution_id, fails=fails)
        jobs = CachedJobs(
            self.worker,
            StepCache(self.home, self.store),
            pipeline,
            execution_id,
            reuse=reuse,
            say=lambda step, line: self.said.append(f"{step}: {line}"),
        )
        kind = "Training" if "HyperParameters" in arguments else "Processing"
        step = Step(name, kind, {}, cache=cache)
        return jobs(JobCall(step, arguments, "job", 1, lambda line: None, threading.Event()))

    def file(self, execution_id: str) -> Path:
        """The file that holds what the job of the execution wrote."""
        (stored,) = self.objects.under(f"s3://bucket/out/{execution_id}/")
        return self.objects.path(stored)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    home = Home.open(tmp_path / "home")
    with Store(home) as store:
        yield State(home, store)


def test_a_result_of_the_same_execution_is_its_own(state: State) -> None:
    """It was killed after the job's end, before the step's was written down."""
    first = state.run("one")
    again = state.run("one")
    assert again == first
    assert again.reused_from is None
    assert state.worker.ran == []
    assert state.said == ["Step: an earlier attempt of this execution finished this"]


def test_an_equal_step_hands_on_the_earlier_result_and_says_so(state: State) -> None:
    first = state.run("one")
    assert first.reused_from is None
    again = state.run("two")
    assert again == JobOutcome(first.properties, reused_from="one")
    assert state.worker.ran == []
    assert state.said[0].startswith("Step: reused: ")
    assert "python -m pipeline logs one Step" in state.said[0]


def test_a_result_is_remembered_by_the_next_process(state: State) -> None:
    first = state.run("one")
    with Store(state.home) as store:
        assert State(state.home, store).run("two").properties == first.properties


def test_a_reused_result_is_that_of_the_execution_that_ran_it(state: State) -> None:
    state.run("one")
    state.run("two")
    assert state.run("three").reused_from == "one"


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (PROCESSING, ("AppSpecification", "ContainerArguments"), ["--one", "2"]),
        (PROCESSING, ("AppSpecification", "ImageUri"), "another image"),
        (PROCESSING, ("Environment", "LEVEL"), "4"),
        (PROCESSING, ("ProcessingInputs", 0, "S3Input", "S3Uri"), "s3://bucket/other"),
        (TRAINING, ("AlgorithmSpecification", "TrainingImage"), "another image"),
        (TRAINING, ("CheckpointConfig", "S3Uri"), "s3://bucket/other"),
        (TRAINING, ("DebugHookConfig",), {"S3OutputPath": "s3://bucket/debug"}),
        (TRAINING, ("DebugRuleConfigurations",), [{"RuleConfigurationName": "rule"}]),
        (TRAINING, ("Environment",), {"LEVEL": "3"}),
        (TRAINING, ("HyperParameters", "epochs"), "4"),
        (TRAINING, ("InputDataConfig", 0, "ChannelName"), "validation"),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_change_of_what_decides_the_result_runs_the_step(
    state: State, arguments: dict[str, Any], path: tuple[str | int, ...], value: Json
) -> None:
    state.run("one", arguments)
    assert state.run("two", changed(arguments, path, value)).reused_from is None


@pytest.mark.parametrize(
    ("arguments", "path", "value"),
    [
        (PROCESSING, ("ProcessingOutputConfig", "Outputs", 0, "S3Output", "S3Uri"), "s3://bucket/elsewhere"),
        (PROCESSING, ("ProcessingResources", "ClusterConfig", "InstanceType"), "ml.m5.4xlarge"),
        (PROCESSING, ("RoleArn",), "arn:aws:iam::123456789012:role/others"),
        (TRAINING, ("OutputDataConfig", "S3OutputPath"), "s3://bucket/elsewhere"),
        (TRAINING, ("ResourceConfig", "InstanceType"), "ml.p5.48xlarge"),
        (TRAINING, ("StoppingCondition", "MaxRuntimeInSeconds"), 3600),
        (TRAINING, ("Environment",), {}),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_change_of_anything_else_does_not(
    state: State, arguments: dict[str, Any], path: tuple[str | int, ...], value: Json
) -> None:
    state.run("one", arguments)
    assert state.run("two", changed(arguments, path, value)).reused_from == "one"


def changed(arguments: dict[str, Any], path: tuple[str | int, ...], value: Json) -> dict[str, Any]:
    copied = copy.deepcopy(arguments)
    place: Any = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


def test_the_order_of_keys_means_nothing() -> None:
    step = Step("Step", "Processing", {})
    assert key_document("p", step, PROCESSING) == key_document("p", step, dict(reversed(PROCESSING.items())))


def test_another_step_or_pipeline_reuses_nothing(state: State) -> None:
    state.run("one")
    assert state.run("two", name="Other").reused_from is None
    assert state.run("three", pipeline="other").reused_from is None


@pytest.mark.parametrize("cache", [None, CacheConfig(enabled=False, expire_after="P30D")])
def test_a_step_that_does_not_ask_for_it_is_never_reused(state: State, cache: CacheConfig | None) -> None:
    state.run("one")
    assert state.run("two", cache=cache).reused_from is None
    assert state.worker.ran == ["Step"]


def test_switched_off_for_a_run_its_results_are_remembered_all_the_same(state: State) -> None:
    state.run("one")
    assert state.run("two", reuse=False).reused_from is None
    assert state.run("three").reused_from == "two"


def test_failures_are_not_remembered(state: State) -> None:
    with pytest.raises(StepFailed):
        state.run("one", fails=True)
    assert state.run("two").reused_from is None


def test_a_failure_leaves_the_earlier_result(state: State) -> None:
    state.run("one")
    with pytest.raises(StepFailed):
        state.run("two", reuse=False, fails=True)
    assert state.run("three").reused_from == "one"


@pytest.mark.parametrize(
    ("expire_after", "age", "reused"),
    [
        ("PT1H", 3500, True),
        ("PT1H", 3700, False),
        ("T16m", 1000, False),
        (None, 10**9, True),
        ("PT1H", -(10**6), True),
    ],
)
def test_a_result_serves_until_it_expires(
    state: State, expire_after: str | None, age: float, reused: bool
) -> None:
    """A negative age is that of a clock that was set back."""
    state.run("one")
    with state.store.database.transaction() as connection:
        connection.execute("UPDATE cache SET recorded_at = recorded_at - ?", (age,))
        connection.execute(
            "UPDATE cache SET crc = checksum(key, execution, recorded_at, properties, outputs)"
        )
    assert (state.run("two", cache=CacheConfig(True, expire_after)).reused_from == "one") is reused
    if not reused:
        assert state.said == [
            f"Step: not reused: the result of execution one is older than ExpireAfter={expire_after}"
        ]


def test_a_damaged_output_is_made_again_and_the_reason_said(state: State) -> None:
    state.run("one")
    file = state.file("one")
    file.chmod(0o644)
    file.write_bytes(b"of two"[:3] + b"xyz")
    assert state.run("two").reused_from is None
    (said,) = state.said
    assert said.startswith(
        "Step: not reused: what execution one wrote has changed: s3://bucket/out/one/answer: "
    )
    assert "SHA-256" in said
    assert state.run("three").reused_from == "two"


def test_a_lost_output_is_made_again(state: State) -> None:
    state.run("one")
    state.file("one").unlink()
    assert state.run("two").reused_from is None


def test_an_output_that_was_deleted_in_s3_is_made_again(state: State) -> None:
    state.run("one")
    state.objects.forget("bucket", ["out/one/answer"])
    assert state.run("two").reused_from is None
    assert state.said == [
        "Step: not reused: what execution one wrote has changed: s3://bucket/out/one/answer is gone"
    ]


def test_an_output_that_was_written_over_is_made_again(state: State) -> None:
    state.run("one")
    state.objects.put("bucket", "out/one/answer", [b"of someone else"])
    assert state.run("two").reused_from is None
    assert "written again since" in state.said[0]


def test_everything_below_a_training_jobs_output_is_checked(state: State) -> None:
    cache = StepCache(state.home, state.store)
    for name in ("model.tar.gz", "output.tar.gz"):
        state.objects.put("bucket", f"models/job/output/{name}", [name.encode()])
    uri = "s3://bucket/models/job/output/model.tar.gz"
    cache.record("key", "one", {"ModelArtifacts": {"S3ModelArtifacts": uri}})
    found = cache.find("key", None)
    assert [each.key for each in found.outputs] == [  # type: ignore[union-attr]
        "models/job/output/model.tar.gz",
        "models/job/output/output.tar.gz",
    ]


def test_steps_without_a_key_run_as_ever(state: State) -> None:
    worker = Worker(state.objects, "one")
    jobs = CachedJobs(
        worker, StepCache(state.home, state.store), "p", "one", reuse=True, say=lambda step, line: None
    )
    step = Step("Register", "RegisterModel", {}, cache=MONTH)
    for _ in range(2):
        assert jobs(JobCall(step, {}, "job", 1, lambda line: None, threading.Event())).reused_from is None
    assert worker.ran == ["Register", "Register"]
