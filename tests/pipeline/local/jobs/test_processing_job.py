"""A processing job: its inputs, command, environment and configuration; its outputs, its end, its faults."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.code_address import digest_of_files, folder_name
from pipeline.errors import FashionError, StepFailed
from pipeline.local.jobs.runner import StepStopped
from pipeline.spec.definition import PropertyFile, Step
from tests.pipeline.local.workbench import QUICK, Workbench

COPY = """
import pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
for path in sorted(source.rglob("*")):
    if path.is_file():
        (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        (target / path.relative_to(source)).write_bytes(path.read_bytes())
        print(path.relative_to(source), flush=True)
"""


def test_inputs_reach_the_command_and_outputs_reach_s3_and_the_disk(bench: Workbench) -> None:
    data = bench.put("data", {"a.bin": b"\x00\xff", "deep/b.txt": "b", "empty/": b""})
    request = bench.processing(
        COPY,
        arguments=["/opt/ml/processing/in", "/opt/ml/processing/output/out"],
        inputs={"/opt/ml/processing/in": data},
        outputs=["out"],
    )
    outcome = bench.run("Processing", request)
    assert bench.keys(bench.uri("out/")) == ["a.bin", "deep/b.txt"]
    assert bench.get(bench.uri("out/a.bin")) == b"\x00\xff"
    assert bench.stored(bench.uri("out/")) == ["a.bin", "deep/b.txt"]
    assert [line for line in bench.lines if not line.startswith("[local]")] == ["a.bin", "deep/b.txt"]
    assert outcome.properties["ProcessingJobStatus"] == "Completed"


def test_the_response_is_shaped_like_the_services(bench: Workbench) -> None:
    script = "open('opt/ml/output/message', 'w').write('ten classes')"
    request = bench.processing(script, outputs=["out"], environment={"A": "1"})
    properties = bench.run("Processing", request).properties
    assert properties["ProcessingJobName"] == "job-1"
    assert properties["ProcessingJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:processing-job/job-1"
    assert properties["ExitMessage"] == "ten classes"
    assert properties["ProcessingInputs"] == request["ProcessingInputs"]
    assert properties["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == bench.uri("out")
    assert properties["Environment"] == {"A": "1"}
    json.dumps(properties)


def test_the_container_is_deleted_after_success_and_the_log_and_the_request_stay(bench: Workbench) -> None:
    request = bench.processing("print('done')")
    bench.run("Processing", request)
    assert not bench.container().exists()
    assert json.loads((bench.container().parent / "request.json").read_text()) == request
    assert "done\n" in bench.log()


def test_the_environment_is_an_allow_list_with_the_requests_values(
    either: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL_S3",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
    ):
        monkeypatch.setenv(name, "the-users-own")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    script = "import json, os, sys\nprint(json.dumps(dict(os.environ)))\nprint(sys.executable)"
    request = either.processing(script, environment={"MODEL": "/opt/ml/model/x", "OMP_NUM_THREADS": "7"})
    either.run("Processing", request, cores=3)
    *_, text, python = [line for line in either.lines if not line.startswith("[local]")]
    environment = json.loads(text)
    assert python == f"{environment['VIRTUAL_ENV']}/bin/python"
    assert "the-users-own" not in environment.values()
    assert "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" not in environment
    assert environment["AWS_ENDPOINT_URL"] == either.aws.endpoint_url
    assert environment["HOME"] == either.seen()
    assert environment["MODEL"] == either.seen("/opt/ml/model/x")
    assert (environment["SM_NUM_CPUS"], environment["OMP_NUM_THREADS"]) == ("3", "7")
    assert environment["PROCESSING_JOB_NAME"] == "job-1"


def test_a_request_cannot_point_a_job_at_real_aws(bench: Workbench) -> None:
    script = "import os\nprint(os.environ['AWS_ENDPOINT_URL'], os.environ['AWS_ACCESS_KEY_ID'])"
    environment = {
        "AWS_ENDPOINT_URL": "https://s3.amazonaws.com",
        "AWS_ACCESS_KEY_ID": "AKIAREALREALREALREAL",
    }
    bench.run("Processing", bench.processing(script, environment=environment))
    assert f"{bench.aws.endpoint_url} " in bench.lines[-1]
    assert "AKIAREAL" not in bench.lines[-1]


def test_a_job_reaches_the_local_s3_with_plain_boto3(bench: Workbench) -> None:
    script = (
        "import boto3, sys\n"
        "bucket, key = sys.argv[1:]\n"
        "print(boto3.client('s3').get_object(Bucket=bucket, Key=key)['Body'].read().decode())"
    )
    uri = bench.put("data", {"x.txt": "through boto3"})
    key = uri.removeprefix(f"s3://{bench.aws.BUCKET}/") + "x.txt"
    bench.run("Processing", bench.processing(script, arguments=[bench.aws.BUCKET, key]))
    assert bench.lines[-1] == "through boto3"


def test_the_configuration_files_are_the_services_with_paths_that_exist(either: Workbench) -> None:
    script = (
        "import json, pathlib\n"
        "for name in ('processingjobconfig', 'resourceconfig'):\n"
        "    print(json.dumps(json.loads(pathlib.Path(f'opt/ml/config/{name}.json').read_text())))\n"
    )
    request = either.processing(script, arguments=["--out", "/opt/ml/processing/output/out"], outputs=["out"])
    either.run("Processing", request)
    *_, job_text, resource_text = [line for line in either.lines if not line.startswith("[local]")]
    job = json.loads(job_text)
    assert set(job) == {
        "ProcessingJobArn",
        "ProcessingJobName",
        "AppSpecification",
        "Environment",
        "ProcessingInputs",
        "ProcessingOutputConfig",
        "ProcessingResources",
        "RoleArn",
        "StoppingCondition",
    }
    output = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert output["S3Uri"] == either.uri("out")
    assert output["LocalPath"] == either.seen("/opt/ml/processing/output/out")
    assert json.loads(resource_text) == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.xlarge",
        "hosts": ["algo-1"],
        "network_interface_name": "eth0",
    }


def test_folders_outside_opt_ml_are_mapped_when_they_are_declared(either: Workbench) -> None:
    data = either.put("data", {"x.txt": "mounted"})
    script = "import sys\nprint(sys.argv[1])\nprint(open(sys.argv[1]).read())"
    request = either.processing(script, arguments=["/data/in/x.txt"], inputs={"/data/in": data})
    either.run("Processing", request)
    assert either.lines[-2:] == [either.seen("/data/in/x.txt"), "mounted"]


def test_a_failure_quotes_the_status_the_message_and_the_log(either: Workbench) -> None:
    script = (
        "import pathlib, sys\nprint('reading')\n"
        "pathlib.Path('opt/ml/output/message').write_text('labels has 11 classes\\n')\n"
        "print('cannot read labels', file=sys.stderr)\nsys.exit(2)"
    )
    with pytest.raises(StepFailed) as failure:
        either.run("Processing", either.processing(script, outputs=["out"]))
    reason = str(failure.value)
    assert reason.splitlines() == [
        "exit status 2: labels has 11 classes",
        f"Last lines of its log ({either.home.step_log(either.execution_id, 'Step')}):",
        "  reading",
        "  cannot read labels",
        f"Its folder is kept: {either.container()}",
    ]
    assert either.container().is_dir()
    assert either.keys(either.uri("out")) == []


def test_a_job_that_the_system_killed_says_so(bench: Workbench) -> None:
    script = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(StepFailed, match=r"killed by signal 9 \(out of memory\?\)"):
        bench.run("Processing", bench.processing(script))


def test_a_job_that_hangs_ends_at_its_limit(bench: Workbench) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    bench.give(replace(QUICK, limit=0.5))
    started = time.monotonic()
    with pytest.raises(StepFailed, match="ran longer than MaxRuntimeInSeconds=1\n"):
        bench.run("Processing", bench.processing(script, limit=1))
    assert time.monotonic() - started < 300  # a machine that has other things to do takes its time


def test_a_stopped_job_is_neither_failed_nor_uploaded(bench: Workbench) -> None:
    script = (
        "import time\nopen('opt/ml/processing/output/out/x', 'w').write('half')\n"
        "print('running', flush=True)\ntime.sleep(60)"
    )
    bench.stop_at = "running"
    with pytest.raises(StepStopped):
        bench.run("Processing", bench.processing(script, outputs=["out"]))
    assert bench.keys(bench.uri("out")) == []


def test_a_stop_before_the_process_starts_runs_nothing(bench: Workbench) -> None:
    bench.stop.set()
    with pytest.raises(StepStopped):
        bench.run("Processing", bench.processing("print('ran')"))
    assert "ran" not in bench.lines


def test_an_input_that_is_not_there_is_named(bench: Workbench) -> None:
    request = bench.processing("", inputs={"/opt/ml/processing/in": bench.uri("nothing/")})
    with pytest.raises(StepFailed, match=r"nothing/ into the job's folder: there is nothing there"):
        bench.run("Processing", request)


def test_an_input_that_is_not_there_is_named_with_the_flag_that_puts_it_there(bench: Workbench) -> None:
    for uri in ("s3://no-such-bucket-here/x/", bench.uri("nothing", "here.csv")):
        request = bench.processing("", inputs={"/opt/ml/processing/in": uri})
        with pytest.raises(StepFailed, match=f"Could not copy {uri} .*nothing there.* --upload PATH={uri}, "):
            bench.run("Processing", request)


@pytest.mark.parametrize(
    ("script", "arguments", "told"),
    [
        ("open('/opt/ml/processing/in/none.csv')", [], True),
        ("import sys\nopen(sys.argv[1])", ["/opt/ml/processing/in/none.csv"], False),
    ],
)
def test_a_script_that_fails_on_a_path_it_has_built_in_is_told_so(
    bench: Workbench, script: str, arguments: list[str], told: bool
) -> None:
    bench.use("process")
    with pytest.raises(StepFailed, match="No such file or directory") as caught:
        bench.run("Processing", bench.processing(script, arguments=arguments))
    assert (
        "script.py, the step's own script, seems to have a path below /opt/ml" in str(caught.value)
    ) is told


def test_a_second_attempt_starts_with_an_empty_container(bench: Workbench) -> None:
    script = (
        "import pathlib, sys\nmark = pathlib.Path('opt/ml/model/mark')\n"
        "if mark.exists(): sys.exit('stale')\nmark.touch()\nsys.exit(3)"
    )
    for _ in range(2):
        with pytest.raises(StepFailed, match="exit status 3"):
            bench.run("Processing", bench.processing(script))
    assert bench.log().count("[local] processing job") == 2


def test_a_file_that_the_disk_has_no_room_for_fails_the_step_clearly(bench: Workbench) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, whose disk is always full")
    script = "import sys\nwith open('/dev/full', 'w') as file: file.write('x')"
    with pytest.raises(StepFailed, match="No space left on device"):
        bench.run("Processing", bench.processing(script, outputs=["out"]))
    assert bench.stored(bench.uri("out")) == []


def test_a_job_folder_that_cannot_be_made_fails_the_step_clearly(bench: Workbench) -> None:
    bench.home.execution(bench.execution_id).mkdir(parents=True)
    (bench.home.execution(bench.execution_id) / "steps").write_text("in the way")
    with pytest.raises(
        StepFailed,
        match=r"Making the folder of the job job-1: /.*/steps.*: (Not a directory|File exists)\. Free",
    ):
        bench.run("Processing", bench.processing(""))


def test_what_only_another_step_could_have_decided_is_still_refused(bench: Workbench) -> None:
    request = bench.processing("")
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 0
    request["Environment"] = {"SCORE": 0.5}
    with pytest.raises(StepFailed) as caught:
        bench.run("Processing", request)
    assert "Now that the values of step Step are known" in str(caught.value)
    assert "ClusterConfig.InstanceCount: the local engine supports only 1 to 16, not 0" in str(caught.value)
    assert "$.Arguments.Environment.SCORE: must be a string, not 0.5" in str(caught.value)


def test_outputs_of_one_step_are_the_next_ones_input(bench: Workbench) -> None:
    first = bench.processing(
        "open('opt/ml/processing/output/out/x.txt', 'w').write('handed on')", outputs=["out"]
    )
    outcome = bench.run("Processing", first, step="First")
    uri = outcome.properties["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    script = "print(open('opt/ml/processing/in/x.txt').read())"
    bench.run("Processing", bench.processing(script, inputs={"/opt/ml/processing/in": uri}), step="Second")
    assert "handed on" in bench.lines


def test_an_output_bucket_that_is_not_there_is_made(bench: Workbench) -> None:
    request = bench.processing("open('opt/ml/processing/output/out/x', 'w').write('1')", outputs=["out"])
    bucket = f"made-{bench.execution_id}"
    request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = f"s3://{bucket}/out"
    bench.run("Processing", request)
    assert bench.aws.client("s3").get_object(Bucket=bucket, Key="out/x")["Body"].read() == b"1"


def test_a_property_file_is_read_from_the_output(bench: Workbench) -> None:
    script = "open('opt/ml/processing/output/out/file.json', 'w').write('{\"gate\": {\"passed\": true}}')"
    properties = bench.run("Processing", bench.processing(script, outputs=["out"])).properties
    step = Step("Step", "Processing", {})
    content = bench.jobs.read_property_file(step, PropertyFile("File", "out", "file.json"), properties)
    assert content == {"gate": {"passed": True}}


@pytest.mark.parametrize(
    ("output", "path", "message"),
    [
        ("out", "missing.json", r"Could not read s3://.*/out/missing.json: .*nothing there.*--upload"),
        ("out", "broken.json", r"broken.json: it is not a JSON document:"),
        ("other", "file.json", "no output 'other'"),
    ],
)
def test_a_property_file_that_cannot_be_read_is_named(
    bench: Workbench, output: str, path: str, message: str
) -> None:
    script = "open('opt/ml/processing/output/out/broken.json', 'w').write('{')"
    properties = bench.run("Processing", bench.processing(script, outputs=["out"])).properties
    with pytest.raises(FashionError, match=message):
        bench.jobs.read_property_file(
            Step("Step", "Processing", {}), PropertyFile("F", output, path), properties
        )


def test_jobs_run_side_by_side(bench: Workbench) -> None:
    # Each job waits for the other's file: run one after another they would never end.
    meeting = bench.home.downloads / f"meeting-{bench.execution_id}"
    meeting.mkdir(parents=True)
    script = (
        "import pathlib, sys, time\nmeeting, me, other = sys.argv[1:]\n"
        "(pathlib.Path(meeting) / me).touch()\n"
        "while not (pathlib.Path(meeting) / other).exists(): time.sleep(0.01)\n"
    )
    requests = {
        me: bench.processing(script, arguments=[str(meeting), me, other], limit=20)
        for me, other in ("AB", "BA")
    }
    errors: list[BaseException] = []

    def run(me: str) -> None:
        try:
            bench.run("Processing", requests[me], step=me, name=f"job-{me}")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(me,)) for me in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_code_that_was_changed_in_the_bucket_is_not_run(bench: Workbench) -> None:
    # In the state folder, which a job sees wherever it lies, where it may write.
    bench.home.downloads.mkdir(exist_ok=True)
    ran = bench.home.downloads / f"ran-{bench.execution_id}"
    script = f"open({str(ran)!r}, 'a').write('x')"
    request = bench.processing(script)
    name = folder_name(digest_of_files([("script.py", script.encode())]))
    code = bench.put(f"code/{name}", {"script.py": script})
    request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = code
    bench.run("Processing", request)
    assert ran.read_text() == "x"
    bench.put(f"code/{name}", {"script.py": f"{script} "})
    with pytest.raises(StepFailed, match="is not what was uploaded there"):
        bench.run("Processing", request)
    assert ran.read_text() == "x"


def test_the_runs_secret_is_masked_in_logs_reasons_and_records(bench: Workbench) -> None:
    tell = "import os\nsecret = os.environ['AWS_SECRET_ACCESS_KEY']\nprint('it is', secret)\n"
    tell += "open('opt/ml/output/message', 'w').write(secret)\n"
    outcome = bench.run("Processing", bench.processing(tell))
    assert outcome.properties["ExitMessage"] == "********"
    with pytest.raises(StepFailed) as failed:
        bench.run("Processing", bench.processing(tell + "raise SystemExit(secret)"))
    said = str(failed.value) + bench.log() + str(bench.lines) + str(outcome)
    assert "it is ********" in said
    assert bench.aws.credentials.secret_key not in said


def test_a_script_that_writes_to_opt_ml_by_itself_writes_to_its_output(bench: Workbench) -> None:
    if bench.launcher.name != "sandbox":
        pytest.skip("this machine allows no sandbox")
    script = "open('/opt/ml/processing/output/out/result.json', 'w').write('{}')"
    bench.run("Processing", bench.processing(script, outputs=["out"]))
    assert bench.keys(bench.uri("out/")) == ["result.json"]
    assert not Path("/opt/ml/processing/output/out").exists()


# A shell that cannot write goes on, and ends well.
CARELESS = "import os\nos.system('mkdir -p /opt/ml/processing/output && echo x >/opt/ml/processing/output/x')"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import os\nos.makedirs('/opt/ml/processing/output/out')\nopen('/opt/ml/x', 'w')", "exit status 1"),
        (CARELESS, "The job ended well and left /opt/ml/processing/output/out empty."),
    ],
)
def test_as_a_plain_process_such_a_script_fails_and_leaves_this_machine_alone(
    bench: Workbench, script: str, reason: str
) -> None:
    if Path("/opt/ml").exists():
        pytest.skip("this machine has an /opt/ml of its own")
    bench.use("process")
    with pytest.raises(StepFailed, match="seems to have a path below /opt/ml written into it") as failure:
        bench.run("Processing", bench.processing(script, outputs=["out"]))
    assert str(failure.value).startswith(reason)
    assert not Path("/opt/ml").exists()
    assert bench.keys(bench.uri("out/")) == []


def test_a_program_that_is_in_the_image_alone_is_named(either: Workbench) -> None:
    request = either.processing("")
    request["AppSpecification"]["ContainerEntrypoint"] = ["spark-submit", "/opt/ml/processing/code/script.py"]
    with pytest.raises(StepFailed) as failure:
        either.run("Processing", request)
    assert str(failure.value).splitlines()[:2] == [
        "exit status 127",
        "The program spark-submit is not on this machine. On SageMaker it comes with the image an-image, which a "
        "local run does not use: install it here, so that it is on the PATH, name what to run instead with "
        "--stand-in, or run the job in its image with --launcher container.",
    ]


def test_a_program_that_a_script_misses_is_said_to_be_missing_here(bench: Workbench) -> None:
    with pytest.raises(
        StepFailed, match=r"A program that it calls, which its log names, is not on this machine\."
    ):
        bench.run(
            "Processing", bench.processing("import os, sys\nsys.exit(os.system('no-such-program') >> 8)")
        )
