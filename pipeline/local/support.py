"""What the local engine cannot do of a job's request: named with JSON paths, before anything runs.

A definition is checked as it is read and again when its parameters have their values; a job checks its request once
more when the values of other steps are known. Expressions are taken as supported until then. The form of a request
(which keys there are, of which types) is not checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.local.definition import Json, Step
from pipeline.local.training_driver import SCRIPT_CHANNEL

_Findings = Iterator[tuple[str, str]]


def unsupported_in_request(step: Step, request: Mapping[str, Json]) -> list[str]:
    """What cannot be done of the `request` of `step`, one line each: its JSON path and why."""
    check = {"Processing": _processing, "Training": _training}.get(step.type)
    if check is None:
        return []
    return [f"{step.json_path}.Arguments.{path}: {finding}" for path, finding in check(request)]


def _processing(request: Mapping[str, Json]) -> _Findings:
    if not _at(request, "AppSpecification", "ContainerEntrypoint"):
        yield (
            "AppSpecification",
            "has no ContainerEntrypoint; images are not run, so the command must be named",
        )
    yield from _one_instance(
        _at(request, "ProcessingResources", "ClusterConfig"), "ProcessingResources.ClusterConfig"
    )
    for i, item in enumerate(_objects(request.get("ProcessingInputs"))):
        path = f"ProcessingInputs[{i}]"
        if item.get("AppManaged") is True:
            yield f"{path}.AppManaged", "inputs that the job fetches itself are not supported"
        source = item.get("S3Input")
        if not isinstance(source, Mapping):
            yield path, f"expected an S3Input. Received: {_kinds(item, 'InputName')}, which is not supported"
            continue
        path = f"{path}.S3Input"
        yield from _only(source, path, S3DataType="S3Prefix", S3CompressionType="None")
        yield from _only(source, path, S3DataDistributionType="FullyReplicated", S3InputMode="File")
        yield from _local_path(source, path)
    for i, output in enumerate(_objects(_at(request, "ProcessingOutputConfig", "Outputs"))):
        path = f"ProcessingOutputConfig.Outputs[{i}]"
        if output.get("AppManaged") is True:
            yield f"{path}.AppManaged", "outputs that the job writes itself are not supported"
        target = output.get("S3Output")
        if not isinstance(target, Mapping):
            yield (
                path,
                f"expected an S3Output. Received: {_kinds(output, 'OutputName')}, which is not supported",
            )
            continue
        yield from _local_path(target, f"{path}.S3Output")


def _training(request: Mapping[str, Json]) -> _Findings:
    channels = _objects(request.get("InputDataConfig"))
    if all(channel.get("ChannelName") != SCRIPT_CHANNEL for channel in channels) and not _at(
        request, "AlgorithmSpecification", "ContainerEntrypoint"
    ):
        yield (
            "AlgorithmSpecification",
            f"has no ContainerEntrypoint, and the request no channel {SCRIPT_CHANNEL!r} (the SDK's script mode); "
            "images are not run, so the command must be named",
        )
    if _at(request, "AlgorithmSpecification", "AlgorithmName"):
        yield "AlgorithmSpecification.AlgorithmName", "algorithms of the marketplace are not supported"
    for name in ("DebugRuleConfigurations", "ProfilerRuleConfigurations"):
        if request.get(name):
            yield name, "rules of the debugger and the profiler are not supported"
    input_mode = _at(request, "AlgorithmSpecification", "TrainingInputMode")
    yield from _as_files(input_mode, "AlgorithmSpecification.TrainingInputMode")
    yield from _one_instance(request.get("ResourceConfig"), "ResourceConfig")
    for i, channel in enumerate(channels):
        yield from _channel(channel, f"InputDataConfig[{i}]")
    output, checkpoints = request.get("OutputDataConfig"), request.get("CheckpointConfig")
    if isinstance(output, Mapping):
        yield from _only(output, "OutputDataConfig", CompressionType="GZIP")
    if isinstance(checkpoints, Mapping) and "LocalPath" in checkpoints:
        yield from _local_path(checkpoints, "CheckpointConfig")


def _channel(channel: Mapping[str, Json], path: str) -> _Findings:
    yield from _only(channel, path, CompressionType="None", RecordWrapperType="None")
    yield from _as_files(channel.get("InputMode"), f"{path}.InputMode")
    if channel.get("ShuffleConfig"):
        yield f"{path}.ShuffleConfig", "shuffling of input objects is not supported"
    source = _at(channel, "DataSource", "S3DataSource")
    if isinstance(source, Mapping):
        path = f"{path}.DataSource.S3DataSource"
        yield from _only(source, path, S3DataType="S3Prefix", S3DataDistributionType="FullyReplicated")
    else:
        kinds = _kinds(channel.get("DataSource"))
        yield f"{path}.DataSource", f"expected an S3DataSource. Received: {kinds}, which is not supported"


def _one_instance(cluster: Json, path: str) -> _Findings:
    count = _at(cluster, "InstanceCount")
    if isinstance(count, int) and count != 1:
        yield f"{path}.InstanceCount", f"expected 1: several instances are not supported. Received: {count!r}"
    if _at(cluster, "InstanceGroups"):
        yield f"{path}.InstanceGroups", "groups of instances are not supported"


def _only(holder: Mapping[str, Json], path: str, **supported: str) -> _Findings:
    for name, value in supported.items():
        given = holder.get(name)
        if isinstance(given, str) and given != value:
            yield f"{path}.{name}", f"expected {value!r}. Received: {given!r}, which is not supported"


def _as_files(given: Json, path: str) -> _Findings:
    # FastFile is File to a script, which reads files either way.
    if isinstance(given, str) and given not in ("File", "FastFile"):
        yield path, f"expected 'File' or 'FastFile'. Received: {given!r}, which is not supported"


def _local_path(holder: Mapping[str, Json], path: str) -> _Findings:
    given = holder.get("LocalPath")
    if isinstance(given, str) and not (
        given.startswith("/") and given.strip("/") and ".." not in given.split("/")
    ):
        yield f"{path}.LocalPath", f"expected an absolute path below /, without “..”. Received: {given!r}"


def _kinds(holder: Json, *ignored: str) -> str:
    names = holder if isinstance(holder, Mapping) else ()
    return ", ".join(name for name in names if name not in (*ignored, "AppManaged")) or "nothing"


def _at(holder: Json, *names: str) -> Any:
    for name in names:
        holder = holder.get(name) if isinstance(holder, Mapping) else None
    return holder


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
