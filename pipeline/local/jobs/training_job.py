"""Runs a Training step's job: a CreateTrainingJob request, in a folder instead of a container."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.errors import StepFailed
from pipeline.formatting import plural
from pipeline.local.jobs.archive import pack_folder, unpack
from pipeline.local.jobs.channels import s3_errors, upload, upload_files
from pipeline.local.jobs.checkpoints import keep_checkpoints
from pipeline.local.jobs.hosts import Host, has_network
from pipeline.local.jobs.job import Job, JobKind, Start, now_text
from pipeline.local.jobs.left_out import left_out
from pipeline.local.jobs.pip import after_installing
from pipeline.local.jobs.ports import reserve_ports
from pipeline.local.jobs.preferences import preferred_count, preferred_type
from pipeline.local.jobs.script_mode import in_script_mode
from pipeline.local.jobs.script_start import fetch_code, start_script
from pipeline.local.jobs.training_driver import (
    CODE_FOLDER,
    DEFAULT_MASTER,
    DISTRIBUTED_FILE,
    SCRIPT_CHANNEL,
    SOURCE_CODE_FILE,
    local_command,
    own_words,
    script_command,
    sm_variables,
)
from pipeline.spec.definition import Json
from pipeline.spec.json_text import parse_document

FAILURE_FILE = "/opt/ml/output/failure"
CHECKPOINTS = "/opt/ml/checkpoints"
# What an image's entry point is given (Developer guide, "How Amazon SageMaker Runs Your Training Image").
_TRAIN = ("train",)
# Where the hosts of a job meet: the loopback interface, at ports of their own.
LOOPBACK = "127.0.0.1"


def mounts(request: Mapping[str, Json]) -> tuple[str, ...]:
    """The folders outside /opt/ml that the request names: at most where it wants its checkpoints."""
    checkpoints = (request.get("CheckpointConfig") or {}).get("LocalPath")
    return (checkpoints,) if checkpoints else ()


def instances(request: Mapping[str, Json]) -> int:
    """How many hosts the request asks for."""
    return preferred_count(request["ResourceConfig"])


def run_training_job(job: Job) -> dict[str, Json]:
    """Run the job; returns its Describe response.

    Raises:
        StepFailed, StepStopped: see Job.run; also when its input, code or output cannot be copied.
    """
    request = job.request
    created = now_text()
    job.log.say(
        f"training job {job.name} on {plural(job.hosts[0].cores, 'core')}, "
        f"{job.runs_in(str(request['AlgorithmSpecification'].get('TrainingImage')))}"
    )
    if line := left_out(request):
        job.log.say(line)
    for channel in request.get("InputDataConfig") or ():
        job.fetch(channel["DataSource"]["S3DataSource"], f"/opt/ml/input/data/{channel['ChannelName']}")
    source_code = None if job.stand_in is not None else _source_code(job)
    if _is_script(job):
        fetch_code(job)
    checkpoints = (request.get("CheckpointConfig") or {}).get("LocalPath") or CHECKPOINTS
    with contextlib.ExitStack() as held:
        master = DEFAULT_MASTER
        if len(job.hosts) > 1 and not has_network(job.hosts):
            master = (LOOPBACK, held.enter_context(reserve_ports(len(job.hosts))))
        held.enter_context(keep_checkpoints(job, checkpoints))
        started = now_text()
        job.run(lambda host: _start(job, host, source_code, master, checkpoints), FAILURE_FILE)
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


def _start(
    job: Job, host: Host, source_code: Mapping[str, Json] | None, master: tuple[str, int], checkpoints: str
) -> Start:
    """What `host` runs; its configuration files are written. `master` is where the hosts meet."""
    request, container = job.request, host.container
    hyperparameters = {
        name: container.localize(str(value)) for name, value in (request.get("HyperParameters") or {}).items()
    }
    configuration = _write_configuration(job, host, hyperparameters)
    about = {
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn("training-job"),
        "SM_CHECKPOINT_DIR": container.seen(checkpoints),
    }
    if _is_script(job):
        start = start_script(job, host, hyperparameters, configuration, FAILURE_FILE)
        return replace(start, variables={**start.variables, **about})
    variables = {
        **sm_variables(
            container,
            job_name=job.name,
            hyperparameters=hyperparameters,
            source_code=source_code,
            cpus=host.cores,
            gpus=len(host.gpus),
            log_level=(request.get("Environment") or {}).get("SM_LOG_LEVEL"),
            master=master,
            **configuration,
        ),
        **about,
    }
    if job.stand_in is not None:
        return Start(local_command(job.stand_in.command, container, host.python), "/", variables)
    if source_code is None:
        specification = request["AlgorithmSpecification"]
        words = own_words(specification, job.image, _TRAIN)
        return Start(local_command(words, container, host.python), "/", variables)
    # The hyperparameters are mapped already, and the Python is no path of the container.
    command = script_command(container.localize(dict(source_code)), hyperparameters, host.python)
    packages = _requirements(source_code, container.path(CODE_FOLDER))
    command = after_installing(packages, command, host.python, container, FAILURE_FILE)
    return Start(command, CODE_FOLDER if container.path(CODE_FOLDER).is_dir() else "/", variables)


def _is_script(job: Job) -> bool:
    """Whether the job runs in script mode, which a command of its own, or a stand-in, would win over."""
    own = job.stand_in or job.request["AlgorithmSpecification"].get("ContainerEntrypoint")
    return not own and in_script_mode(job.request.get("HyperParameters"))


def _requirements(source_code: Mapping[str, Json], code: Path) -> list[str]:
    """What the SDK's driver installs first, as arguments of pip install; "auto": the usual file, if any."""
    name = source_code.get("requirements")
    if name == "auto":
        name = "requirements.txt" if (code / "requirements.txt").is_file() else None
    return ["-r", str(name)] if name else []


def _write_configuration(job: Job, host: Host, hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Write the files of /opt/ml/input/config as the service does; returns those that the driver reads."""
    resources = job.request["ResourceConfig"]
    hosts = [other.name for other in job.hosts]
    instance = preferred_type(resources)
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance, "hosts": hosts}
    resource_config = {
        "current_host": host.name,
        "current_instance_type": instance,
        "current_group_name": group["instance_group_name"],
        "hosts": hosts,
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }
    input_data_config = {}
    for channel in job.request.get("InputDataConfig") or ():
        source = channel["DataSource"]["S3DataSource"]
        input_data_config[channel["ChannelName"]] = {
            "TrainingInputMode": "File",
            "S3DistributionType": source.get("S3DataDistributionType") or "FullyReplicated",
            "RecordWrapperType": "None",
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
        }
    host.write_config("/opt/ml/input/config/hyperparameters.json", hyperparameters)
    host.write_config("/opt/ml/input/config/inputdataconfig.json", input_data_config)
    host.write_config("/opt/ml/input/config/resourceconfig.json", resource_config)
    return {"input_data_config": input_data_config, "resource_config": resource_config}


def _source_code(job: Job) -> dict[str, Json] | None:
    """The SDK's sourcecode.json, None when there is no script channel; unpacks code that was sent as an archive."""
    if all(channel["ChannelName"] != SCRIPT_CHANNEL for channel in job.request.get("InputDataConfig") or ()):
        return None
    container = job.hosts[0].container
    source_code = _read_json(container.path(SOURCE_CODE_FILE)) or {}
    distributed = _read_json(container.path(DISTRIBUTED_FILE))
    if distributed and not source_code.get("command"):
        if job.image is not None:
            return None  # Its own driver, which the request's command starts, has what it takes.
        raise StepFailed(
            "The local engine has only the SDK's basic script driver, not a distributed one "
            f"({json.dumps(distributed)}). Leave out `distributed`."
        )
    source = str(source_code.get("source_dir") or "")
    if source.endswith(".tar.gz"):
        for host in job.hosts:
            code = host.container.path(CODE_FOLDER)
            with s3_errors(f"Unpacking {source}"):
                unpack(code / Path(source).name, code, source)
    return source_code


def _upload_artifacts(job: Job) -> str:
    """Pack and upload the model and the output data, then keep them on disk; returns S3ModelArtifacts."""
    output = job.request["OutputDataConfig"]
    uri = f"{output['S3OutputPath'].rstrip('/')}/{job.name}/output"
    model, data = job.collect("/opt/ml/model"), job.collect("/opt/ml/output/data")
    job.check_empty("/opt/ml/model")
    if output.get("CompressionType") == "NONE":
        artifacts = f"{uri}/model/"
        upload(job.aws, [(model, artifacts), (data, f"{uri}/data/")], stop=job.stop, ours=True)
    else:
        artifacts = f"{uri}/model.tar.gz"
        files = []
        for folder, name in ((model, "model.tar.gz"), (data, "output.tar.gz")):
            archive = job.hosts[0].container.path(f"/tmp/{name}")
            with s3_errors(f"Packing {name}"):
                count = pack_folder(folder, archive)
            if count or folder == model:
                files.append((archive, f"{uri}/{name}"))
        upload_files(job.aws, files, stop=job.stop, ours=True)
    job.log.say(f"/opt/ml/model → {artifacts}")
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
                        with contextlib.suppress(ValueError, IndexError):
                            values[name] = float(found[1])
    return [{"MetricName": name, "Value": value} for name, value in values.items()]


def _read_json(path: Path) -> Any:
    """The content of a file of the driver's channel; None when it is not there."""
    try:
        return parse_document(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StepFailed(
            f"Could not read {path.name} of the channel {SCRIPT_CHANNEL}: it is not JSON: {error}. Compile "
            "and upload the definition again."
        ) from error


TRAINING = JobKind(mounts, instances, run_training_job)
