"""Cleanup steps: what they delete, what they leave, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import Watcher, document, get, join, start, statuses
from tests.pipeline.local.workbench import Workbench

WRITE = "import pathlib; [pathlib.Path('/opt/ml/processing/output/out', n).write_text(n) for n in 'ab']"


def cleanup(*sources: dict[str, Any], depends_on: list[Any] | None = None) -> dict[str, Any]:
    named = [source["StepName"] for source in sources]
    return {
        "Name": "Tidy",
        "Type": "Cleanup",
        "Arguments": {"Resources": {"S3": list(sources)}},
        "DependsOn": named if depends_on is None else depends_on,
    }


def training(bench: Workbench) -> dict[str, Any]:
    script = "import os, pathlib; pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'x').write_text('x')"
    return {"Name": "Fit", "Type": "Training", "Arguments": bench.training(script)}


def processing(bench: Workbench, script: str = WRITE) -> dict[str, Any]:
    return {
        "Name": "Write",
        "Type": "Processing",
        "CacheConfig": {"Enabled": True},
        "Arguments": bench.processing(script, outputs=["out"]),
    }


def test_outputs_of_a_training_and_named_objects_are_deleted(bench: Workbench, local_store: Store) -> None:
    folder = get("Steps.Write.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")
    named = {"StepName": "Write", "S3Uris": [join(folder, "a"), bench.uri("out", "none")]}
    bench.put("models", {"other": "kept"})
    watcher = Watcher()
    text = document(training(bench), processing(bench), cleanup({"StepName": "Fit"}, named))
    record = start(bench, local_store, text, watcher)
    assert record.status == "Succeeded", record.failure_reason
    assert bench.keys(f"{bench.uri('models')}/") == ["other"]
    assert bench.keys(f"{bench.uri('out')}/") == ["b"]
    assert ("Tidy", "[local] Fit: 2 objects to delete") in watcher.lines
    assert ("Tidy", f"[local] deleted {bench.uri('out', 'a')}") in watcher.lines
    assert bench.stored(f"{bench.uri('out')}/") == ["b"]
    # What was deleted is missed by the next execution, which makes it again.
    again = start(bench, local_store, document(processing(bench)))
    assert not again.step("Write").cached
    assert bench.keys(f"{bench.uri('out')}/") == ["a", "b"]


def test_after_a_failure_there_may_be_nothing_to_delete(bench: Workbench, local_store: Store) -> None:
    failing = {**training(bench), "Arguments": bench.training("raise SystemExit(3)")}
    on_any = [{"Step": "Fit", "Trigger": "Any"}]
    record = start(bench, local_store, document(failing, cleanup({"StepName": "Fit"}, depends_on=on_any)))
    assert statuses(record) == {"Fit": "Failed", "Tidy": "Succeeded"}
    assert record.status == "CompletedWithFailures"


def test_an_object_that_the_step_did_not_write_stays(bench: Workbench, local_store: Store) -> None:
    other = bench.put("elsewhere", {"x": "kept"}) + "x"
    text = document(
        processing(bench), cleanup({"StepName": "Write", "S3Uris": [bench.uri("out", "a"), other]})
    )
    record = start(bench, local_store, text)
    assert f"Could not delete {other}: it is not below the outputs of Write" in str(record.failure_reason)
    # All or nothing.
    assert bench.get(other) == b"kept"
    assert bench.keys(f"{bench.uri('out')}/") == ["a", "b"]


def test_in_a_loop_it_deletes_what_its_own_item_wrote(bench: Workbench, local_store: Store) -> None:
    inside = processing(bench)
    place = join(bench.uri("loop"), get("ForEach.CurrentItem"))
    inside["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = place
    tidy = cleanup(
        {"StepName": "Write", "S3Uris": [join(bench.uri("loop"), get("ForEach.CurrentItem"), "a")]}
    )
    loop = {
        "Name": "Loop",
        "Type": "ForEach",
        "Arguments": {"IterableItems": ["x", "y"], "MaxConcurrency": 2, "ForEachBody": [inside, tidy]},
    }
    record = start(bench, local_store, document(loop))
    assert record.status == "Succeeded", record.failure_reason
    assert bench.keys(f"{bench.uri('loop')}/") == ["x/b", "y/b"]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        (cleanup(), "Resources.S3: must have at least one source."),
        (cleanup({"StepName": "Wrote"}), "S3[0].StepName: there is no step 'Wrote'. Did you mean 'Write'?"),
        (cleanup({"StepName": "Fit"}, depends_on=[]), "Fit must be in the DependsOn of Tidy"),
        (cleanup({"StepName": "Fit", "S3Uris": ["s3://b/k"]}), "after a Training step it is left out."),
        (cleanup({"StepName": "Write"}), "after a Processing step it names the objects to delete."),
        (cleanup({"StepName": "Write", "S3Uris": []}), "S3Uris: must have at least one address."),
        (
            cleanup({"StepName": "Write", "S3Uris": ["k"]}),
            "S3Uris[0]: must be s3://bucket/key, not 'k'",
        ),
        (
            cleanup({"StepName": "End"}),
            "only the outputs of Training, Processing, Transform steps can be cleaned up, ",
        ),
        (
            cleanup({"StepName": "Walled"}),
            "SageMaker does not clean up after steps with a VpcConfig, such as Walled.",
        ),
    ],
)
def test_what_cannot_be_cleaned_up_is_refused_before_anything_runs(
    bench: Workbench, local_store: Store, step: dict[str, Any], problem: str
) -> None:
    walled = {**training(bench), "Name": "Walled"}
    walled["Arguments"] |= {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    end = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}
    with pytest.raises(DefinitionError) as refused:
        start(bench, local_store, document(training(bench), processing(bench), walled, end, step))
    assert problem in str(refused.value)


def test_nothing_reads_its_properties(bench: Workbench, local_store: Store) -> None:
    reader = processing(bench)
    reader["Arguments"]["AppSpecification"]["ContainerArguments"] = [get("Steps.Tidy.Resources")]
    text = document(training(bench), cleanup({"StepName": "Fit"}), reader)
    with pytest.raises(DefinitionError, match="a Cleanup step has no properties"):
        start(bench, local_store, text)


@pytest.mark.filterwarnings("ignore")
def test_the_form_is_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # its import makes clients
    from sagemaker.mlops.workflow import CleanupStep, S3CleanupSource

    step = CleanupStep("Tidy", [S3CleanupSource("Fit"), S3CleanupSource("Write", ["s3://b/k"])])
    request = step.to_request()
    assert request["Type"] == "Cleanup"
    assert request["Arguments"] == {
        "Resources": {"S3": [{"StepName": "Fit"}, {"StepName": "Write", "S3Uris": ["s3://b/k"]}]}
    }
