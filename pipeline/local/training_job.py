"""Runs a Training step's job: a CreateTrainingJob request, in a folder instead of a container."""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from pipeline.errors import StepFailed
from pipeline.local.archive import pack_folder
from pipeline.local.channels import download, s3_errors, upload, upload_file
from pipeline.local.checkpoints import CheckpointSync
from pipeline.local.definition import Json
from pipeline.local.environment import count_gpus
from pipeline.local.job import Job, now_text
from pipeline.local.training_driver import (
    CODE_FOLDER,
    DISTRIBUTED_FILE,
    SCRIPT_CHANNEL,
    SOURCE_CODE_FILE,
    local_command,
    script_command,
    sm_variables,
)

FAILURE_FILE = "/opt/ml/output/failure"
CHECKPOINTS = "/opt/ml/checkpoints"
HOST = "algo-1"


def mounts(request: Mapping[str, Json]) -> tuple[str, ...]:
    """The folders outside /opt/ml that the request names: at most where it wants its checkpoints."""
    checkpoints = (request.get("CheckpointConfig") or {}).get("LocalPath")
    return (checkpoints,) if checkpoints else ()


def run_training_job(job: Job) -> dict[str, Json]:
    """Run the job; returns its Describe response.

    Raises:
        StepFailed, StepStopped: see Job.run; also when its input, code or output cannot be copied.
    """
    request = job.request
    created = now_text()
    job.log.say(
        f"training job {job.name} on {job.cores} core(s), with this Python; its image "
        f"{request['AlgorithmSpecification'].get('TrainingImage')} is not used"
    )
    for channel in request.get("InputDataConfig") or ():
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        job.fetch(uri, f"/opt/ml/input/data/{channel['ChannelName']}")
    job.restore_named_objects(request.get("HyperParameters"), request.get("Environment"))
    hyperparameters = {
        name: job.container.localize(str(value))
        for name, value in (request.get("HyperParameters") or {}).items()
    }
    configuration = _write_configuration(job, hyperparameters)
    source_code = _source_code(job)
    variables = {
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn("training-job"),
        **sm_variables(
            job.container,
            job_name=job.name,
            hyperparameters=hyperparameters,
            source_code=source_code,
            cpus=job.cores,
            gpus=count_gpus(os.environ),
            log_level=(request.get("Environment") or {}).get("SM_LOG_LEVEL"),
            **configuration,
        ),
    }
    checkpoints = (request.get("CheckpointConfig") or {}).get("LocalPath") or CHECKPOINTS
    variables["SM_CHECKPOINT_DIR"] = str(job.container.path(checkpoints))
    started = now_text()
    with _checkpoints(job, checkpoints):
        if source_code is None:
            specification = request["AlgorithmSpecification"]
            words = [*specification["ContainerEntrypoint"], *(specification.get("ContainerArguments") or ())]
            command, cwd = local_command(words, job.container, sys.executable), job.container.root
        else:
            command = job.container.localize(script_command(source_code, hyperparameters, sys.executable))
            cwd = job.container.path(CODE_FOLDER)
        job.run(command, cwd if cwd.is_dir() else job.container.root, variables, FAILURE_FILE)
    ended = now_text()
    return {
        **request,
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn("training-job"),
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": _upload_artifacts(job)},
        "FinalMetricDataList": _final_metrics(job),
        "CreationTime": created,
        "TrainingStartTime": started,
        "TrainingEndTime": ended,
    }


def _write_configuration(job: Job, hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Write the files of /opt/ml/input/config as the service does; returns those that the driver reads."""
    resources = job.request["ResourceConfig"]
    instance = resources["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": [HOST]}
    resource_config = {
        "current_host": HOST,
        "current_instance_type": instance,
        "current_group_name": group["instance_group_name"],
        "hosts": [HOST],
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }
    input_data_config = {}
    for channel in job.request.get("InputDataConfig") or ():
        input_data_config[channel["ChannelName"]] = {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
        }
    job.write_config("/opt/ml/input/config/hyperparameters.json", hyperparameters)
    job.write_config("/opt/ml/input/config/inputdataconfig.json", input_data_config)
    job.write_config("/opt/ml/input/config/resourceconfig.json", resource_config)
    return {"input_data_config": input_data_config, "resource_config": resource_config}


def _source_code(job: Job) -> dict[str, Json] | None:
    """The SDK's sourcecode.json, None when there is no script channel; unpacks code that was sent as an archive."""
    if all(channel["ChannelName"] != SCRIPT_CHANNEL for channel in job.request.get("InputDataConfig") or ()):
        return None
    source_code = _read_json(job.container.path(SOURCE_CODE_FILE)) or {}
    distributed = _read_json(job.container.path(DISTRIBUTED_FILE))
    if distributed and not source_code.get("command"):
        raise StepFailed(
            "Starting a training script: expected the SDK's basic script driver. Received: a distributed driver, "
            f"{json.dumps(distributed)}, which the local engine does not have. Leave out `distributed`."
        )
    if source_code.get("requirements"):
        job.log.say(
            f"{source_code['requirements']} is not installed: the job uses this project's own packages"
        )
    source = str(source_code.get("source_dir") or "")
    if source.endswith(".tar.gz"):
        code = job.container.path(CODE_FOLDER)
        with s3_errors(f"Unpacking {source}"), tarfile.open(code / Path(source).name) as archive:
            archive.extractall(code, filter="data")
    return source_code


def _checkpoints(job: Job, inside: str) -> AbstractContextManager[object]:
    """What keeps the checkpoint folder `inside` equal to its S3 location, filled from there; nothing when none is
    asked for."""
    configuration = job.request.get("CheckpointConfig")
    if not configuration:
        return nullcontext()
    uri = configuration["S3Uri"].rstrip("/")
    folder = job.container.path(inside)
    job.aws.ensure_bucket(uri.removeprefix("s3://").partition("/")[0])
    job.aws.restore_objects(f"{uri}/")
    s3 = job.aws.client("s3")
    size = download(s3, f"{uri}/", folder, stop=job.stop, required=False)
    if size:
        job.log.say(f"{uri} → {inside} ({size / 1e6:.1f} MB): checkpoints of an earlier attempt")
    # The last checkpoint is written because the job was stopped: it must be saved nevertheless.
    never = threading.Event()
    return CheckpointSync(
        folder,
        upload=lambda path: upload_file(s3, folder / path, f"{uri}/{path.as_posix()}", stop=never),
        persist=lambda: job.aws.persist_objects(f"{uri}/"),
        warn=job.log.say,
        interval=job.graces.checkpoints,
    )


def _upload_artifacts(job: Job) -> str:
    """Pack and upload the model and the output data, then keep them on disk; returns S3ModelArtifacts."""
    output = job.request["OutputDataConfig"]
    uri = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
    job.aws.ensure_bucket(uri.removeprefix("s3://").partition("/")[0])
    s3 = job.aws.client("s3")
    model, data = job.container.path("/opt/ml/model"), job.container.path("/opt/ml/output/data")
    if output.get("CompressionType") == "NONE":
        artifacts = f"{uri}/model/"
        upload(s3, model, artifacts, stop=job.stop)
        upload(s3, data, f"{uri}/data/", stop=job.stop)
    else:
        artifacts = f"{uri}/model.tar.gz"
        for folder, name in ((model, "model.tar.gz"), (data, "output.tar.gz")):
            archive = job.container.path(f"/tmp/{name}")
            with s3_errors(f"Packing {name}"):
                count = pack_folder(folder, archive)
            if count or folder == model:
                upload_file(s3, archive, f"{uri}/{name}", stop=job.stop)
    job.log.say(f"/opt/ml/model → {artifacts}")
    job.aws.persist_objects(f"{uri}/")
    return artifacts


def _final_metrics(job: Job) -> list[dict[str, Json]]:
    """The last value of every metric that the request asks to be read from the log (FinalMetricDataList)."""
    definitions = job.request["AlgorithmSpecification"].get("MetricDefinitions") or ()
    patterns = {metric["Name"]: re.compile(metric["Regex"]) for metric in definitions}
    values: dict[str, float] = {}
    if patterns:
        with job.log.path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                for name, pattern in patterns.items():
                    if found := pattern.search(line):
                        with suppress(ValueError, IndexError):
                            values[name] = float(found[1])
    return [{"MetricName": name, "Value": value} for name, value in values.items()]


def _read_json(path: Path) -> Any:
    """The content of a file of the driver's channel; None when it is not there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StepFailed(
            f"Reading {path.name} of the channel {SCRIPT_CHANNEL}: expected JSON. Received: {error}. Compile and "
            "upload the definition again."
        ) from error
