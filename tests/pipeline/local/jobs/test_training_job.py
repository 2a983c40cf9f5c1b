"""A training job: script mode, channels and configuration, artifacts, checkpoints, faults."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import Any

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.state.objects import Objects, split_uri
from pipeline.local.state.store import Store
from tests.pipeline.local.workbench import Workbench

SHOW = """
import json, os, sys
for name, value in {"argv": sys.argv, "cwd": os.getcwd(), **os.environ}.items():
    print("shown", json.dumps([name, value]))
"""
SAVE_MODEL = """
import os, pathlib, sys
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / "1").mkdir()
(model / "1" / "saved_model.pb").write_bytes(b"model")
(model / "metrics.json").write_text("{}")
"""


def shown(bench: Workbench) -> dict[str, Any]:
    """What SHOW printed."""
    return dict(json.loads(line.removeprefix("shown ")) for line in bench.lines if line.startswith("shown "))


def names_in(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return tar.getnames()


def test_the_script_runs_in_its_folder_with_hyperparameters_as_flags_in_order(either: Workbench) -> None:
    hyperparameters = {"seed": "0", "architecture": "cnn", "learning-rate": "0.003", "out": "/opt/ml/model/x"}
    either.run("Training", either.training(SHOW, hyperparameters=hyperparameters))
    job = shown(either)
    assert job["argv"] == [
        "train.py", "--seed", "0", "--architecture", "cnn", "--learning-rate", "0.003",
        "--out", either.seen("/opt/ml/model/x"),
    ]  # fmt: skip
    assert job["cwd"] == either.seen("/opt/ml/input/data/code")


def test_the_environment_has_the_drivers_variables_and_the_share_of_cores(either: Workbench) -> None:
    data = either.put("data", {"images.npy": b"1"})
    request = either.training(
        SHOW, hyperparameters={"seed": "0"}, channels={"train": data}, Environment={"MINE": "/opt/ml/model"}
    )
    either.run("Training", request, cores=2)
    environment = shown(either)
    root = either.seen().rstrip("/")
    expected = {
        "SM_CHANNEL_TRAIN": f"{root}/opt/ml/input/data/train",
        "SM_MODEL_DIR": f"{root}/opt/ml/model",
        "SM_CHECKPOINT_DIR": f"{root}/opt/ml/checkpoints",
        "SM_HP_SEED": "0",
        "SM_NUM_CPUS": "2",
        "OMP_NUM_THREADS": "2",
        "SM_CURRENT_INSTANCE_TYPE": "ml.g5.xlarge",
        "TRAINING_JOB_NAME": "job-1",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:us-east-1:123456789012:training-job/job-1",
        "MINE": f"{root}/opt/ml/model",
    }
    assert expected.items() <= environment.items()
    assert json.loads(environment["SM_CHANNELS"]) == ["code", "sm_drivers", "train"]


def test_channels_hold_their_objects_by_relative_key(bench: Workbench) -> None:
    data = bench.put("data", {"train/images.npy": b"1", "train/deep/x": b"2", "manifest.json": b"{}"})
    script = (
        "import os, pathlib\nroot = pathlib.Path(os.environ['SM_INPUT_DATA_DIR'])\n"
        "for channel in ('train', 'manifest'):\n"
        "    print(*sorted(str(p.relative_to(root)) for p in (root / channel).rglob('*') if p.is_file()))\n"
    )
    channels = {"train": f"{data}train/", "manifest": f"{data}manifest.json"}
    bench.run("Training", bench.training(script, channels=channels))
    assert "train/deep/x train/images.npy" in bench.lines
    assert "manifest/manifest.json" in bench.lines


def test_the_configuration_files_are_the_services(bench: Workbench) -> None:
    script = (
        "import json, os, pathlib\n"
        "for path in sorted(pathlib.Path(os.environ['SM_INPUT_CONFIG_DIR']).iterdir()):\n"
        "    print('config', json.dumps([path.name, json.loads(path.read_text())]))\n"
    )
    bench.run("Training", bench.training(script, hyperparameters={"epochs": "3"}))
    configuration = dict(
        json.loads(line.removeprefix("config ")) for line in bench.lines if line.startswith("config ")
    )
    channel = {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
    }
    assert configuration["hyperparameters.json"] == {"epochs": "3"}
    assert configuration["inputdataconfig.json"] == {"code": channel, "sm_drivers": channel}
    assert configuration["resourceconfig.json"]["hosts"] == ["algo-1"]
    assert configuration["resourceconfig.json"]["current_instance_type"] == "ml.g5.xlarge"


def test_the_model_is_packed_where_the_service_puts_it(bench: Workbench) -> None:
    properties = bench.run("Training", bench.training(SAVE_MODEL)).properties
    uri = bench.uri("models/job-1/output/model.tar.gz")
    assert properties["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    assert names_in(bench.get(uri)) == ["1", "1/saved_model.pb", "metrics.json"]
    assert bench.stored(bench.uri("models/")) == ["job-1/output/model.tar.gz"]


def test_the_same_model_gives_the_same_artifact(bench: Workbench) -> None:
    request = bench.training(SAVE_MODEL)
    bench.run("Training", request, name="one")
    bench.run("Training", request, name="two")
    one, two = (bench.get(bench.uri(f"models/{name}/output/model.tar.gz")) for name in ("one", "two"))
    assert one == two


def test_output_data_is_packed_beside_the_model(bench: Workbench) -> None:
    script = "import os\nopen(os.path.join(os.environ['SM_OUTPUT_DATA_DIR'], 'plot.svg'), 'w').write('x')"
    bench.run("Training", bench.training(script))
    assert names_in(bench.get(bench.uri("models/job-1/output/output.tar.gz"))) == ["plot.svg"]


def test_a_model_that_is_asked_for_unpacked_stays_unpacked(bench: Workbench) -> None:
    output = {"S3OutputPath": bench.uri("models"), "CompressionType": "NONE"}
    properties = bench.run("Training", bench.training(SAVE_MODEL, OutputDataConfig=output)).properties
    assert properties["ModelArtifacts"]["S3ModelArtifacts"] == bench.uri("models/job-1/output/model/")
    assert bench.keys(bench.uri("models/job-1/output/")) == ["model/1/saved_model.pb", "model/metrics.json"]


def test_the_response_is_shaped_like_the_services(bench: Workbench) -> None:
    script = "print('epoch=1 accuracy=0.5')\nprint('epoch=2 accuracy=0.75')\nprint('accuracy=nonsense')"
    request = bench.training(script, hyperparameters={"epochs": "2"})
    request["AlgorithmSpecification"]["MetricDefinitions"] = [
        {"Name": "accuracy", "Regex": r"accuracy=(\S+)"},
        {"Name": "never", "Regex": r"never=(\S+)"},
    ]
    properties = bench.run("Training", request).properties
    assert properties["TrainingJobName"] == "job-1"
    assert properties["TrainingJobStatus"] == "Completed"
    assert properties["HyperParameters"] == {"epochs": "2"}
    assert properties["OutputDataConfig"] == {"S3OutputPath": bench.uri("models")}
    assert properties["FinalMetricDataList"] == [{"MetricName": "accuracy", "Value": 0.75}]
    json.dumps(properties)


def test_a_failure_quotes_the_failure_file_and_leaves_nothing_behind(bench: Workbench) -> None:
    script = (
        SAVE_MODEL
        + "pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('the loss is nan at step 7')\n"
        "raise SystemExit(1)"
    )
    with pytest.raises(StepFailed, match=r"^exit status 1: the loss is nan at step 7\n"):
        bench.run("Training", bench.training(script))
    assert bench.keys(bench.uri("models")) == []
    assert bench.stored(bench.uri("models")) == []


def test_a_traceback_is_in_the_reason(either: Workbench) -> None:
    with pytest.raises(
        StepFailed, match=r"(?s)exit status 1\nLast lines of its log.*ZeroDivisionError"
    ) as failure:
        either.run("Training", either.training("1 / 0"))
    assert str(either.container()) in str(failure.value)


def test_without_script_mode_the_requests_command_runs(either: Workbench) -> None:
    code = either.put("own", {"run.py": "import os, sys\nprint(sys.argv[1:], os.environ['SM_MODEL_DIR'])"})
    request = either.training("")
    request["InputDataConfig"] = [
        {"ChannelName": "own", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": code}}}
    ]
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["python3", "/opt/ml/input/data/own/run.py"],
        "ContainerArguments": ["--data", "/opt/ml/input/data/own"],
    }
    either.run("Training", request)
    root = either.seen().rstrip("/")
    assert f"['--data', '{root}/opt/ml/input/data/own'] {root}/opt/ml/model" in either.lines


@pytest.mark.parametrize("packed", [b"no archive", b"\x1f\x8b\x08\0 neither", b""])
def test_code_that_is_no_archive_fails_the_step_with_its_name(bench: Workbench, packed: bytes) -> None:
    request = bench.training("", source_code={"source_dir": "s3://b/source.tar.gz"})
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = (
        bench.put("damaged", {"source.tar.gz": packed}) + "source.tar.gz"
    )
    with pytest.raises(StepFailed, match=r"Could not unpack s3://b/source\.tar\.gz: .*pack it anew"):
        bench.run("Training", request)


def test_a_request_without_any_command_is_refused_by_name(bench: Workbench) -> None:
    request = bench.training("")
    request["InputDataConfig"] = []
    del request["AlgorithmSpecification"]["ContainerEntrypoint"]
    with pytest.raises(StepFailed, match="ContainerEntrypoint"):
        bench.run("Training", request)


def test_a_command_instead_of_a_script_runs_in_the_code_folder(either: Workbench) -> None:
    source_code = {"entry_script": None, "command": "python3 train.py --model /opt/ml/model", "args": ["a b"]}
    either.run("Training", either.training(SHOW, source_code=source_code, hyperparameters={"seed": "1"}))
    assert shown(either)["argv"] == ["train.py", "--model", either.seen("/opt/ml/model"), "a b"]
    assert shown(either)["cwd"].endswith("/opt/ml/input/data/code")


def test_code_that_was_sent_packed_is_unpacked(bench: Workbench) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        content = b"print('from the archive')"
        entry = tarfile.TarInfo("train.py")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    request = bench.training(
        "raise SystemExit('not this one')", source_code={"source_dir": "s3://b/source.tar.gz"}
    )
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = (
        bench.put("packed", {"source.tar.gz": packed.getvalue()}) + "source.tar.gz"
    )
    bench.run("Training", request)
    assert "from the archive" in bench.lines


@pytest.mark.parametrize(
    ("drivers", "message"),
    [
        ({}, "sourcecode.json must name a command or an entry_script"),
        (
            {"sourcecode.json": "{"},
            "Could not read sourcecode.json of the channel sm_drivers: it is not JSON",
        ),
        (
            {"sourcecode.json": '{"entry_script": "a.py"}', "distributed.json": '{"process_count": 2}'},
            "distributed",
        ),
        ({"sourcecode.json": '{"entry_script": "train.R"}'}, "its entry_script is 'train.R'"),
    ],
)
def test_a_driver_channel_that_cannot_be_used_is_named(
    bench: Workbench, drivers: dict[str, str], message: str
) -> None:
    request = bench.training("")
    uri = bench.put("odd-drivers", {"sm_train.sh": "", **drivers})
    request["InputDataConfig"][1]["DataSource"]["S3DataSource"]["S3Uri"] = uri
    with pytest.raises(StepFailed, match=message):
        bench.run("Training", request)


# Appends a line to its checkpoint on every start; then waits to be stopped if it is told to.
CHECKPOINTING = """
import os, pathlib, signal, sys, time
state = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"], "deep", "state.txt")
state.parent.mkdir(exist_ok=True)
past = state.read_text() if state.exists() else ""
print("past", repr(past))
def end(*_):
    state.write_text(past + "sigterm,")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
state.write_text(past + "epoch,")
print("saved", flush=True)
if "--wait" in sys.argv:
    time.sleep(60)
"""


def test_an_interrupted_training_finds_its_last_checkpoint(bench: Workbench) -> None:
    checkpoints = {"S3Uri": bench.uri("checkpoints"), "LocalPath": "/opt/ml/checkpoints"}
    request = bench.training(CHECKPOINTING, hyperparameters={"wait": "yes"}, CheckpointConfig=checkpoints)
    bench.stop_at = "saved"
    with pytest.raises(StepStopped):
        bench.run("Training", request)
    assert bench.stored(bench.uri("checkpoints/")) == ["deep/state.txt"]
    assert not bench.container().exists()

    bench.stop, bench.stop_at = threading.Event(), None
    again = bench.training(CHECKPOINTING, CheckpointConfig=checkpoints)
    bench.run("Training", again)
    assert "past 'sigterm,'" in bench.lines
    assert bench.get(bench.uri("checkpoints/deep/state.txt")) == b"sigterm,epoch,"


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_checkpoint_is_set_aside_and_trained_anew(bench: Workbench, damage: bytes | None) -> None:
    with Store(bench.home) as store:
        objects = Objects(bench.home, store)
        bucket, key = split_uri(bench.uri("checkpoints/deep/state.txt"))
        path = objects.path(objects.put(bucket, key, [f"of {bench.execution_id}".encode()]))
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    checkpoints = {"S3Uri": bench.uri("checkpoints")}
    bench.run("Training", bench.training(CHECKPOINTING, CheckpointConfig=checkpoints))
    assert "past ''" in bench.lines
    assert f"a checkpoint of an earlier attempt is left out: s3://{bucket}/{key}" in bench.log()
    assert bench.get(bench.uri("checkpoints/deep/state.txt")) == b"epoch,"
    assert bench.stored(bench.uri("checkpoints/")) == ["deep/state.txt"]
    kept = [file.read_bytes() for file in bench.home.set_aside.glob(f"*-{path.name}")]
    assert kept == ([] if damage is None else [damage])


def test_objects_that_can_be_no_files_do_not_stop_a_training_with_checkpoints(bench: Workbench) -> None:
    uri = bench.put(
        "checkpoints", {"../up": "1", "a": "2", "a/b": "3", "n" * 256: "4", "deep/state.txt": "5"}
    )
    script = CHECKPOINTING + "\nprint(sorted(os.listdir(state.parents[1])))"
    bench.run("Training", bench.training(script, CheckpointConfig={"S3Uri": uri}))
    assert "past '5'" in bench.lines
    assert "['a', 'deep']" in bench.lines
    assert bench.log().count("is left out: s3://") == 3
    assert len(bench.keys(uri)) == 5


def test_a_failed_trainings_checkpoint_is_saved(bench: Workbench) -> None:
    checkpoints = {"S3Uri": bench.uri("checkpoints")}
    with pytest.raises(StepFailed):
        bench.run("Training", bench.training(CHECKPOINTING + "\n1 / 0", CheckpointConfig=checkpoints))
    assert bench.stored(bench.uri("checkpoints/")) == ["deep/state.txt"]


def test_checkpoints_may_lie_elsewhere(bench: Workbench) -> None:
    checkpoints = {"S3Uri": bench.uri("checkpoints"), "LocalPath": "/mnt/saved"}
    script = "import os\nprint(os.environ['SM_CHECKPOINT_DIR'])"
    bench.run("Training", bench.training(script, CheckpointConfig=checkpoints))
    assert bench.seen("/mnt/saved") in bench.lines


def test_a_job_without_checkpoint_configuration_can_write_some_nevertheless(bench: Workbench) -> None:
    bench.run("Training", bench.training(CHECKPOINTING))
    assert "saved" in bench.lines
