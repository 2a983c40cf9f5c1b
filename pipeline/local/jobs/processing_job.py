"""Runs a Processing step's job: a CreateProcessingJob request, in a folder instead of a container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.errors import StepFailed
from pipeline.formatting import plural
from pipeline.local.jobs.channels import upload
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.job import Job, JobKind, Start, now_text
from pipeline.local.jobs.left_out import left_out
from pipeline.local.jobs.preferences import preferred_count, preferred_type
from pipeline.local.jobs.training_driver import local_command, own_words
from pipeline.spec.definition import Json

MESSAGE_FILE = "/opt/ml/output/message"


def mounts(request: Mapping[str, Json]) -> tuple[str, ...]:
    """The folders of the container that the request's inputs and outputs name."""
    inputs = [item["S3Input"]["LocalPath"] for item in _inputs(request)]
    return tuple(dict.fromkeys([*inputs, *(output["S3Output"]["LocalPath"] for output in _outputs(request))]))


def instances(request: Mapping[str, Json]) -> int:
    """How many hosts the request asks for."""
    return preferred_count(request["ProcessingResources"]["ClusterConfig"])


def run_processing_job(job: Job) -> dict[str, Json]:
    """Run the job; returns its Describe response.

    Raises:
        StepFailed, StepStopped: see Job.run; also when an input or output cannot be copied.
    """
    request = job.request
    cluster = request["ProcessingResources"]["ClusterConfig"]
    specification = request["AppSpecification"]
    created = now_text()
    job.log.say(
        f"processing job {job.name} on {plural(job.hosts[0].cores, 'core')}, "
        f"{job.runs_in(specification['ImageUri'])}"
    )
    if line := left_out(request):
        job.log.say(line)
    described = {
        "ProcessingJobArn": job.arn("processing-job"),
        "ProcessingJobName": job.name,
        "AppSpecification": specification,
        "Environment": request.get("Environment") or {},
        "ProcessingInputs": _inputs(request),
        "ProcessingOutputConfig": request.get("ProcessingOutputConfig") or {"Outputs": []},
        "ProcessingResources": request["ProcessingResources"],
        "RoleArn": request.get("RoleArn"),
        "StoppingCondition": request.get("StoppingCondition") or {"MaxRuntimeInSeconds": 86400},
    }
    for host in job.hosts:
        resources = {
            "current_host": host.name,
            "current_instance_type": preferred_type(cluster),
            "hosts": [other.name for other in job.hosts],
            "network_interface_name": "eth0",
        }
        host.write_config("/opt/ml/config/resourceconfig.json", resources)
        host.write_config("/opt/ml/config/processingjobconfig.json", host.container.localize(described))
    for item in _inputs(request):
        job.fetch(item["S3Input"], item["S3Input"]["LocalPath"])

    words = list(job.stand_in.command) if job.stand_in is not None else own_words(specification, job.image)
    variables = {"PROCESSING_JOB_NAME": job.name, "PROCESSING_JOB_ARN": job.arn("processing-job")}

    def start(host: Host) -> Start:
        return Start(local_command(words, host.container, host.python), "/", variables)

    started = now_text()
    job.run(start, MESSAGE_FILE)
    ended = now_text()

    _upload_outputs(job)
    return {
        **described,
        "ProcessingJobStatus": "Completed",
        "ExitMessage": job.aws.credentials.masked(
            next(filter(None, (host.message(MESSAGE_FILE) for host in job.hosts)), "")
        ),
        "CreationTime": created,
        "ProcessingStartTime": started,
        "ProcessingEndTime": ended,
    }


def _upload_outputs(job: Job) -> None:
    """All outputs reach S3 or none: a step that fails here leaves nothing behind."""
    places = []
    for output in _outputs(job.request):
        target = output["S3Output"]
        if target.get("S3UploadMode", "EndOfJob") != "EndOfJob":
            job.log.say(f"output {output['OutputName']}: uploaded at the end of the job, not while it runs")
        places.append((target["LocalPath"], target["S3Uri"]))
    for inside, _ in places:
        job.check_empty(inside)
    counts = upload(job.aws, [(job.collect(inside), uri) for inside, uri in places], stop=job.stop, ours=True)
    for (inside, uri), count in zip(places, counts, strict=True):
        job.log.say(f"{inside} → {uri} ({plural(count, 'file')})")
    # The job may have registered a model.
    job.aws.persist_registry()


def output_uri(properties: Mapping[str, Json], name: str) -> str:
    """Where the output `name` of the job that left `properties` behind lies in S3.

    Raises:
        StepFailed: the job has no such output.
    """
    for output in properties["ProcessingOutputConfig"]["Outputs"]:
        if output["OutputName"] == name:
            return str(output["S3Output"]["S3Uri"])
    raise StepFailed(
        f"The job has no output {name!r}. Correct OutputName of the property file in the definition."
    )


def _inputs(request: Mapping[str, Json]) -> list[dict[str, Any]]:
    return list(request.get("ProcessingInputs") or ())


def _outputs(request: Mapping[str, Json]) -> list[dict[str, Any]]:
    return list((request.get("ProcessingOutputConfig") or {}).get("Outputs") or ())


PROCESSING = JobKind(mounts, instances, run_processing_job)
