from __future__ import annotations

import json
from typing import Any

from pipeline.docker.recorder import Recorder, new_record
from pipeline.execution import ExecutionRecord
from pipeline.spec.parsing import parse_definition

PROCESSING: dict[str, Any] = {
    "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["true"]},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1}
    },
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
}


def job(name: str, *after: str) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": PROCESSING, "DependsOn": list(after)}


DEFINITION = parse_definition(
    json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [],
            "Steps": [
                job("First"),
                {
                    "Name": "Gate",
                    "Type": "Condition",
                    "DependsOn": ["First"],
                    "Arguments": {
                        "Conditions": [{"Type": "Equals", "LeftValue": "a", "RightValue": "a"}],
                        "IfSteps": [job("Taken")],
                        "ElseSteps": [job("Other")],
                    },
                },
                job("AfterOther", "Other"),
                job("AfterTaken", "Taken"),
            ],
        }
    )
)


class Watch:
    """Keeps what was saved and what was shown, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ExecutionRecord]] = []

    def save(self, record: ExecutionRecord) -> None:
        self.events.append(("saved", record))

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.events.append(("shown", execution))

    def log_line(self, step: str, line: str) -> None:
        raise AssertionError((step, line))


def make() -> tuple[Recorder, Watch]:
    watch = Watch()
    record = new_record("abc", "fashion", "docker", DEFINITION, {})
    return Recorder(DEFINITION, record, watch.save, watch), watch


def statuses(recorder: Recorder) -> dict[str, str]:
    return {step.name: step.status for step in recorder.record.steps}


def run(recorder: Recorder, *names: str) -> None:
    for name in names:
        recorder.start(name)
        recorder.succeed(name, {"Outcome": "True"} if name == "Gate" else {})


def test_the_branch_not_taken_and_what_waits_for_it_are_skipped():
    recorder, _ = make()
    run(recorder, "First", "Gate")
    assert statuses(recorder) == {
        "First": "Succeeded",
        "Gate": "Succeeded",
        "Taken": "Pending",
        "Other": "Skipped",
        "AfterOther": "Skipped",
        "AfterTaken": "Pending",
    }
    run(recorder, "Taken", "AfterTaken")
    assert recorder.conclude(stopping=False).status == "Succeeded"


def test_a_failed_step_fails_the_execution_and_names_itself():
    recorder, _ = make()
    recorder.start("First")
    recorder.fail("First", "exit status 1")
    record = recorder.conclude(stopping=False)
    assert (record.status, record.failure_reason) == ("Failed", "Step First failed: exit status 1")
    assert record.step("First").seconds is not None
    assert record.step("Gate").status == "Pending"


def test_a_stopped_execution_is_stopped_not_failed():
    recorder, _ = make()
    run(recorder, "First")
    recorder.start("Gate")
    recorder.stopping()
    assert recorder.record.status == "Stopping"
    recorder.stop("Gate")
    assert recorder.conclude(stopping=True).status == "Stopped"


def test_a_stop_before_the_next_step_is_stopped_too():
    recorder, _ = make()
    run(recorder, "First")
    assert recorder.conclude(stopping=True).status == "Stopped"


def test_every_change_is_saved_before_it_is_shown():
    recorder, watch = make()
    recorder.begin()
    run(recorder, "First", "Gate", "Taken", "AfterTaken")
    recorder.conclude(stopping=False)
    assert [kind for kind, _ in watch.events] == ["saved", "shown"] * (len(watch.events) // 2)
    pairs = zip(watch.events[::2], watch.events[1::2], strict=True)
    assert all(saved[1] is shown[1] for saved, shown in pairs)


def test_what_broke_is_in_the_record():
    recorder, _ = make()
    recorder.start("First")
    recorder.abandon(OSError("disk full"))
    assert recorder.record.status == "Failed"
    assert "disk full" in (recorder.record.failure_reason or "")
    assert recorder.record.step("First").status == "Stopped"
