"""Rules for Processing steps: their inputs and outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from pipeline.shown import listed, shown
from pipeline.spec.definition import Json, Step
from pipeline.spec.json_values import entries, value_at

INPUT_ROOT = "/opt/ml/processing/"


def inputs(step: Step) -> list[tuple[int, Mapping[str, Json]]]:
    """The step's inputs."""
    return entries(step.arguments.get("ProcessingInputs"))


def outputs(step: Step) -> list[tuple[int, Mapping[str, Json]]]:
    """The step's outputs."""
    return entries(value_at(step.arguments, "ProcessingOutputConfig", "Outputs"))


def local_path(item: Mapping[str, Json]) -> str | None:
    """Where in the container an input or output lies, without a slash at the end; None when it is not said."""
    for source in ("S3Input", "DatasetDefinition", "S3Output"):
        path = value_at(item, source, "LocalPath")
        if isinstance(path, str):
            return path.rstrip("/")
    return None


def processing_names_are_unique(step: Step) -> Iterator[tuple[str, str]]:
    """Each input and each output has a name of its own. API reference, ProcessingInput and ProcessingOutput."""
    for items, keys, name_key in (
        (inputs(step), ("ProcessingInputs",), "InputName"),
        (outputs(step), ("ProcessingOutputConfig", "Outputs"), "OutputName"),
    ):
        names = Counter(str(item.get(name_key)) for _, item in items)
        for index, item in items:
            if names[str(item.get(name_key))] > 1:
                path = step.argument_path(*keys, index, name_key)
                yield path, f"the name {shown(item.get(name_key))} is used more than once."


def processing_inputs_lie_under_opt_ml_processing(step: Step) -> Iterator[tuple[str, str]]:
    """An input that SageMaker downloads has a LocalPath beneath /opt/ml/processing/.

    API reference, ProcessingS3Input, LocalPath: "an absolute path to the input data and must begin with
    /opt/ml/processing/. LocalPath is a required parameter when AppManaged is False (default)."
    """
    for index, item in inputs(step):
        if item.get("AppManaged") is True:
            continue
        path = local_path(item)
        if path is None or not path.startswith(INPUT_ROOT) or ".." in path.split("/"):
            at = step.argument_path("ProcessingInputs", index, "S3Input", "LocalPath")
            yield at, f"must be a path below {INPUT_ROOT}, not {shown(path)}."


def processing_paths_are_distinct(step: Step) -> Iterator[tuple[str, str]]:
    """No two inputs or outputs share a LocalPath; an output's is absolute.

    API reference, ProcessingS3Input and ProcessingS3Output, LocalPath: SageMaker downloads into the one and uploads
    the content of the other.
    """
    places = [
        (step.argument_path("ProcessingInputs", index, "S3Input", "LocalPath"), local_path(item))
        for index, item in inputs(step)
    ] + [
        (
            step.argument_path("ProcessingOutputConfig", "Outputs", index, "S3Output", "LocalPath"),
            local_path(item),
        )
        for index, item in outputs(step)
    ]
    paths = Counter(path for _, path in places)
    for at, path in places:
        if path is not None and paths[path] > 1:
            yield at, f"the path {shown(path)} is used {paths[path]} times."
        elif path is not None and not path.startswith("/"):
            yield at, f"must be an absolute path, not {shown(path)}."


def processing_outputs_have_a_destination(step: Step) -> Iterator[tuple[str, str]]:
    """An output that SageMaker uploads has an S3Output with a LocalPath.

    API reference, ProcessingOutput: FeatureStoreOutput "is only supported when AppManaged is specified".
    """
    for index, item in outputs(step):
        if item.get("AppManaged") is not True and local_path(item) is None:
            path = step.argument_path("ProcessingOutputConfig", "Outputs", index)
            yield path, f"needs an S3Output with a LocalPath (has only {listed(item)})."


RULES = (
    processing_names_are_unique,
    processing_inputs_lie_under_opt_ml_processing,
    processing_paths_are_distinct,
    processing_outputs_have_a_destination,
)
