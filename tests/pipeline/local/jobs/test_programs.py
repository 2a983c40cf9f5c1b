"""What a job runs is decided for all steps before anything does."""

import json
from typing import Any

import pytest

from pipeline.errors import StepFailed, UsageError
from pipeline.local.jobs.programs import Programs, check_programs
from pipeline.local.jobs.stand_in import StandIn
from pipeline.spec.definition import Definition, Step
from tests.pipeline.local.workbench import Workbench

XGBOOST = "1.dkr/sagemaker-xgboost:1.7-1"
SCRIPT = {"sagemaker_program": "t.py", "sagemaker_submit_directory": "s3://b/c.tar.gz"}


def training(name: str, image: Any = "1.dkr/own:1", **hyperparameters: Any) -> Step:
    arguments = {"AlgorithmSpecification": {"TrainingImage": image}, "HyperParameters": hyperparameters}
    return Step(name, "Training", arguments)


def processing(name: str, image: Any = "1.dkr/spark:3", **more: Any) -> Step:
    return Step(name, "Processing", {"AppSpecification": {"ImageUri": image, **more}})


def definition(*steps: Step) -> Definition:
    return Definition("2020-12-01", (), steps, "")


def test_all_steps_without_a_program_are_named_at_once_with_what_to_do() -> None:
    steps = (processing("Prepare"), training("Fit"), training("Boost", XGBOOST), training("Own", **SCRIPT))
    with pytest.raises(UsageError) as refused:
        check_programs(definition(*steps), {}, Programs())
    assert str(refused.value).splitlines()[1:] == [
        "  Prepare: no ContainerEntrypoint in its AppSpecification (image 1.dkr/spark:3). Say what to run: "
        '--stand-in "Prepare=python3 my_script.py"',
        "  Fit: no ContainerEntrypoint in its AlgorithmSpecification (image 1.dkr/own:1). Say what to run: "
        '--stand-in "Fit=python3 my_script.py"',
        "  Boost: its image is SageMaker's built-in XGBoost. This project has a stand-in for it, but the jobs' "
        "Python lacks the package xgboost: name one that has it with --python PATH (pip install xgboost-cpu; on "
        'macOS: xgboost). Say what to run: --stand-in "Boost=python3 my_script.py"',
        "Or run all steps in their images, with Docker or podman: --launcher container",
    ]


def test_in_images_only_a_distributed_start_is_not_known() -> None:
    steps = (processing("Prepare"), training("Fit"), training("Boost", XGBOOST), training("Own", **SCRIPT))
    programs = Programs(has_xgboost=True, in_images=True)
    check_programs(definition(*steps), {}, programs)
    assert (
        programs.stand_in(
            Step("Boost", "Training", {}), {"AlgorithmSpecification": {"TrainingImage": XGBOOST}}
        )
        is None
    )


def test_with_stand_ins_and_xgboost_nothing_is_missing() -> None:
    steps = (processing("Prepare"), training("Fit", {"Get": "Parameters.Image"}), training("Boost", XGBOOST))
    stand_ins = (StandIn("Prepare", ("a",)), StandIn("*/own:*", ("b",)))
    programs = Programs(stand_ins, has_xgboost=True)
    check_programs(definition(*steps), {"Image": "1.dkr/own:2"}, programs)
    chosen = programs.stand_in(steps[2], steps[2].arguments)
    assert chosen is not None
    assert chosen.command[0] == "python3"
    assert chosen.command[-2:] == ("--image", XGBOOST)


def test_the_stand_in_for_xgboost_replaces_no_script_that_runs_in_its_image() -> None:
    programs = Programs(has_xgboost=True)
    scripts = (
        training("Script", XGBOOST, **SCRIPT),
        processing("Evaluate", XGBOOST, ContainerEntrypoint=["python3", "x.py"]),
    )
    assert [programs.stand_in(step, step.arguments) for step in scripts] == [None, None]
    # And none for a processing job, which trains nothing.
    assert programs.stand_in(processing("P"), processing("P", XGBOOST).arguments) is None


def test_a_distributed_start_is_refused_before_anything_runs_unless_replaced() -> None:
    step = training("Fit", **SCRIPT, sagemaker_parameter_server_enabled="true")
    with pytest.raises(
        UsageError, match=r"Fit: the local engine starts .* not as sagemaker_parameter_server_enabled"
    ):
        check_programs(definition(step), {}, Programs())
    check_programs(definition(step), {}, Programs((StandIn("Fit", ("a",)),)))


@pytest.mark.parametrize("of", ["Fot", "*/none:*"])
def test_a_stand_in_for_nothing_is_refused(of: str) -> None:
    steps = (training("Fit", **SCRIPT),)
    with pytest.raises(
        UsageError, match=r"has no job of that name, and no image that it matches.*Its jobs: Fit"
    ):
        check_programs(definition(*steps), {}, Programs((StandIn(of, ("a",)),)))


def test_a_stand_in_may_be_for_a_step_that_does_not_run_now() -> None:
    left, done = training("Left", **SCRIPT), training("Done")
    stand_in = Programs((StandIn("Done", ("a",)),))
    check_programs(definition(left), {}, stand_in, within=definition(left, done))
    check_programs(definition(left), {}, Programs(), within=definition(left, done))
    with pytest.raises(UsageError, match="Done"):
        check_programs(definition(left, done), {}, Programs())


def test_an_image_that_is_known_only_later_may_be_what_a_stand_in_is_for() -> None:
    late = training("Fit", {"Get": "Steps.Model.Image"}, **SCRIPT)
    check_programs(definition(late), {}, Programs((StandIn("*/own:*", ("a",)),)))


def test_a_stand_in_runs_under_the_container_contract(either: Workbench, tmp_path: Any) -> None:
    text = "import os, sys; print(sys.argv[1:], open('/dev/null').read()); open(sys.argv[2] + '/m', 'w')"
    (tmp_path / "own.py").write_text(text + "; import beside")
    (tmp_path / "beside.py").write_text("print('beside', __file__)")
    request = either.training("raise SystemExit('not this one')")
    words = ("python3", str(tmp_path / "own.py"), "--model", "/opt/ml/model")
    either.stand_in(StandIn("Step", words))
    outcome = either.run("Training", request)
    assert f"beside {tmp_path / 'beside.py'}" in either.lines
    assert outcome.properties["TrainingJobStatus"] == "Completed"
    assert json.dumps(outcome.properties["ModelArtifacts"]).count("model.tar.gz") == 1
    assert any("own.py --model /opt/ml/model` in its place" in line for line in either.lines)


def test_a_processing_jobs_stand_in_takes_its_inputs_and_outputs(either: Workbench) -> None:
    request = either.processing("", outputs=["out"])
    del request["AppSpecification"]["ContainerEntrypoint"]
    with pytest.raises(StepFailed, match="no ContainerEntrypoint in its AppSpecification"):
        either.run("Processing", request)
    either.stand_in(StandIn("Step", ("sh", "-c", "echo hello >/opt/ml/processing/output/out/x")))
    either.run("Processing", request, name="job-2")
    assert either.get(either.uri("out", "x")) == b"hello\n"


def test_a_stand_in_that_is_not_here_is_not_said_to_be_in_an_image(either: Workbench) -> None:
    either.stand_in(StandIn("Step", ("no-such-program",)))
    with pytest.raises(StepFailed) as failure:
        either.run("Processing", either.processing(""))
    assert str(failure.value).splitlines()[:2] == [
        "exit status 127",
        "The program no-such-program is not on this machine. Install it, so that it is on the PATH, or correct "
        "--stand-in.",
    ]
