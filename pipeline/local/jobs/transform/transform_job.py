"""Runs a Transform step's job: a CreateTransformJob request, with the model served in a folder of its own.

As in the service an object that fails does not stop the others: what they became is in S3, and the job fails with
all that went wrong. Each object becomes one under S3OutputPath: its path relative to the input's prefix, and .out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pipeline.errors import StepFailed
from pipeline.formatting import plural
from pipeline.local.jobs.channel_files import input_files
from pipeline.local.jobs.channels import download, upload_files
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.job import Job, JobKind, now_text
from pipeline.local.jobs.left_out import left_out
from pipeline.local.jobs.ports import reserve_ports
from pipeline.local.jobs.running import ServerEnded
from pipeline.local.jobs.stand_in import is_tensorflow
from pipeline.local.jobs.transform.artifact import fetch_model
from pipeline.local.jobs.transform.objects import Object, Settings, transform_objects
from pipeline.local.jobs.transform.processing import Processing
from pipeline.local.jobs.transform.server import (
    MODEL_FOLDER,
    Client,
    CommandServer,
    ImageServer,
    Server,
    TensorFlowServer,
)
from pipeline.shown import listing
from pipeline.spec.argument_rules import S3_PREFIX
from pipeline.spec.definition import Json
from pipeline.spec.step_types.transform import request_problems

# Where LocalJobs puts the container of the model: CreateModel's word for it.
CONTAINER = "PrimaryContainer"
FAILURE_FILE = "/opt/ml/output/failure"
# Service quotas: the longest run time of a transform job.
_MOST_SECONDS = 432_000
# API reference, ModelClientConfig.
_INVOCATION_SECONDS, _RETRIES = 600, 3
# Folders of the host's that only the engine sees.
_TAKEN, _MADE = "transform/input", "transform/output"
_STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


def instances(request: Mapping[str, Json]) -> int:
    """How many hosts the request asks for."""
    return int(request["TransformResources"]["InstanceCount"])


def run_transform_job(job: Job) -> dict[str, Json]:
    """Run the job; returns its Describe response.

    Raises:
        StepFailed, StepStopped: see Job.run; also when an object cannot be transformed, which the reason names.
    """
    created = now_text()
    request = {name: value for name, value in job.request.items() if name != CONTAINER}
    container = job.request.get(CONTAINER) or {}
    if wrong := [f"{place}: {problem}" for place, problem in request_problems(request)]:
        raise StepFailed(
            f"The request does not go together:\n{listing(wrong)}\nCorrect it in the definition."
        )
    server = _server(job, str(container.get("Image") or ""))
    if line := left_out(request):
        job.log.say(line)
    for host in job.hosts:
        _load_model(job, host, container)
    objects = _take(job, request)
    serving = replace(job, request=_serving_request(request, container))
    with reserve_ports(len(job.hosts)) as port:
        places = {host.name: port + rank for rank, host in enumerate(job.hosts)}
        started = now_text()
        serving.run(
            lambda host: server.start(host, places[host.name]),
            FAILURE_FILE,
            lambda ended: _transform(job, request, objects, places, ended),
        )
    ended = now_text()
    _keep(job, request, [each for shard in objects.values() for each in shard])
    return {
        **request,
        "TransformJobName": job.name,
        "TransformJobArn": job.arn("transform-job"),
        "TransformJobStatus": "Completed",
        "CreationTime": created,
        "TransformStartTime": started,
        "TransformEndTime": ended,
    }


def _server(job: Job, image: str) -> Server:
    if job.image is not None:
        job.log.say(f"transform job {job.name}, {job.runs_in(image)}")
        return ImageServer(job.image)
    if job.stand_in is not None:
        job.log.say(f"transform job {job.name}, whose model is served with {job.runs_with}")
        return CommandServer(job.stand_in)
    if is_tensorflow(image):
        job.log.say(
            f"transform job {job.name}, with this project's server for SavedModels; its image {image} is not used"
        )
        return TensorFlowServer()
    raise AssertionError("programs.py lets no other model through")


def _load_model(job: Job, host: Host, container: Mapping[str, Json]) -> None:
    """Put the model's artifact, unpacked, where its server looks for it; a model may have none."""
    folder = host.container.path(MODEL_FOLDER)
    found = fetch_model(job.aws, container, folder, host.container.root / "transform" / "model", job.stop)
    if found is None:
        return
    uri, size = found
    host.log.say(f"{uri} → {MODEL_FOLDER} ({size / 1e6:.1f} MB)")


def _serving_request(request: Mapping[str, Json], container: Mapping[str, Json]) -> dict[str, Json]:
    """What Job.run needs: the environment, of model and job, and the service's own limit.

    "Use Your Own Inference Code with Batch Transform" says which variables there are, and that the last three come
    from the request alone.
    """
    asked = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": request.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(request.get("BatchStrategy") or ""),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": request.get("MaxConcurrentTransforms"),
    }
    return {
        CONTAINER: dict(container),
        "StoppingCondition": {"MaxRuntimeInSeconds": _MOST_SECONDS},
        "Environment": {
            "SAGEMAKER_BATCH": "true",
            **{name: str(value) for name, value in asked.items() if value is not None},
            **(container.get("Environment") or {}),
            **(request.get("Environment") or {}),
        },
    }


def _take(job: Job, request: Mapping[str, Json]) -> dict[str, list[Object]]:
    """Copy the input to the hosts, a share of the objects to each; by the host's name."""
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    uri, data_type = source["S3Uri"], source.get("S3DataType") or S3_PREFIX
    target = request["TransformOutput"]["S3OutputPath"].rstrip("/")
    count = len(job.hosts)
    shares = {}
    for rank, host in enumerate(job.hosts):
        taken, made = (host.container.root / folder for folder in (_TAKEN, _MADE))
        taken.mkdir(parents=True)
        size = download(job.aws, uri, taken, stop=job.stop, data_type=data_type, shard=(rank, count))
        files = list(input_files(job.aws.objects, uri, data_type).items())[rank::count]
        shares[host.name] = [
            Object(stored.uri, taken / path, made / f"{path}.out", f"{target}/{path}.out")
            for path, stored in files
        ]
        host.log.say(f"{uri}: {plural(len(files), 'object')}, {size / 1e6:.1f} MB")
    return shares


def _transform(
    job: Job,
    request: Mapping[str, Json],
    objects: Mapping[str, list[Object]],
    places: Mapping[str, int],
    ended: Callable[[], bool],
) -> None:
    """Send every host's objects to its server, all hosts at once."""
    given, output = request["TransformInput"], request["TransformOutput"]
    config = request.get("ModelClientConfig") or {}
    headers = {"Content-Type": given.get("ContentType"), "Accept": output.get("Accept")}
    processing = Processing.of(request)
    given_up = threading.Event()

    def run(name: str) -> None:
        client = Client(
            places[name],
            {header: value for header, value in headers.items() if value},
            seconds=float(config.get("InvocationsTimeoutInSeconds", _INVOCATION_SECONDS)),
            retries=int(config.get("InvocationsMaxRetries", _RETRIES)),
            ended=lambda: ended() or given_up.is_set(),
            stop=job.stop,
        )
        try:
            client.wait_until_ready()
            settings = Settings.of(request, client.parameters())
            if name == job.hosts[0].name:
                strategy = "SingleRecord" if settings.single else "MultiRecord"
                job.log.say(
                    f"MaxConcurrentTransforms={settings.at_once}, MaxPayloadInMB={settings.most_mb}, "
                    f"BatchStrategy={strategy}"
                )
            transform_objects(objects[name], settings, processing, client.ask, job.stop)
        except BaseException:
            given_up.set()
            raise
        finally:
            client.close()

    with ThreadPoolExecutor(len(places)) as threads:
        ends = [threads.submit(run, name) for name in places]
    errors = [error for future in ends if (error := future.exception()) is not None]
    if errors:
        # That the others' servers are to be given up is the consequence of another error.
        raise next((error for error in errors if not isinstance(error, ServerEnded)), errors[0])


def _keep(job: Job, request: Mapping[str, Json], objects: list[Object]) -> None:
    """Upload the outputs of the objects that were transformed. Raises StepFailed when some were not."""
    good = [each for each in objects if each.problem is None]
    upload_files(job.aws, [(each.target, each.key) for each in good], stop=job.stop, ours=True)
    target = request["TransformOutput"]["S3OutputPath"]
    job.log.say(f"{plural(len(good), 'object')} → {target}")
    # The model's own code may have registered something.
    job.aws.persist_registry()
    problems = [each.problem for each in objects if each.problem is not None]
    if problems:
        rest = "one" if len(good) == 1 else str(len(good))
        others = f" What came of the other {rest} is in {target}." if good else ""
        raise StepFailed(
            f"{len(problems)} of {plural(len(objects), 'object')} could not be transformed:\n{listing(problems)}\n"
            f"Correct the records, or the model's answer to them.{others}"
        )


def _no_mounts(request: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


TRANSFORM = JobKind(_no_mounts, instances, run_transform_job)
