"""What the local engine does not do with a job's arguments: named and refused before anything runs.

A value that depends on a parameter is checked again once the parameter has its value (see parameters.py); one that
depends on another step is left to the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.local.definition import Json
from pipeline.local.expressions import is_expression
from pipeline.local.findings import Findings, child


@dataclass(frozen=True)
class Only:
    """The value at `place`, where there is one, must be one of `allowed`; "*" in `place` is every entry."""

    place: str
    allowed: tuple[Json, ...]

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if value in self.allowed:
            return None
        return f"the local engine supports {' and '.join(map(repr, self.allowed))} only. Received: {value!r}"


@dataclass(frozen=True)
class Never:
    """There must be nothing at `place`."""

    place: str
    reason: str = "the local engine does not support this"

    def problem(self, value: Json) -> str | None:
        """What is wrong with there being `value`."""
        return f"{self.reason}." if value else None


_ONE_INSTANCE = (1,)
_S3_PREFIX, _EVERYWHERE, _NOT_PACKED = ("S3Prefix",), ("FullyReplicated",), ("None",)
# FastFile streams the same files that File copies.
_AS_FILES = ("File", "FastFile")

_PROCESSING = (
    Only("ProcessingResources.ClusterConfig.InstanceCount", _ONE_INSTANCE),
    Only("ProcessingInputs.*.S3Input.S3DataType", _S3_PREFIX),
    Only("ProcessingInputs.*.S3Input.S3DataDistributionType", _EVERYWHERE),
    Only("ProcessingInputs.*.S3Input.S3CompressionType", _NOT_PACKED),
    Only("ProcessingInputs.*.S3Input.S3InputMode", ("File",)),
    Never("ProcessingInputs.*.DatasetDefinition"),
    Never("ProcessingOutputConfig.Outputs.*.FeatureStoreOutput"),
    Only("ProcessingOutputConfig.Outputs.*.S3Output.S3UploadMode", ("EndOfJob", "Continuous")),
)
_TRAINING = (
    Only("ResourceConfig.InstanceCount", _ONE_INSTANCE),
    Never("ResourceConfig.InstanceGroups"),
    Only("AlgorithmSpecification.TrainingInputMode", _AS_FILES),
    Never("AlgorithmSpecification.AlgorithmName"),
    Only("InputDataConfig.*.InputMode", _AS_FILES),
    Only("InputDataConfig.*.CompressionType", _NOT_PACKED),
    Only("InputDataConfig.*.RecordWrapperType", _NOT_PACKED),
    Never("InputDataConfig.*.ShuffleConfig"),
    Never("InputDataConfig.*.DataSource.FileSystemDataSource"),
    Never("InputDataConfig.*.DataSource.DatasetSource"),
    Only("InputDataConfig.*.DataSource.S3DataSource.S3DataType", _S3_PREFIX),
    Only("InputDataConfig.*.DataSource.S3DataSource.S3DataDistributionType", _EVERYWHERE),
    Only("OutputDataConfig.CompressionType", ("GZIP",)),
    Never("DebugRuleConfigurations"),
    Never("ProfilerRuleConfigurations"),
)
# The image is not run, so its own entry point cannot be known.
_COMMAND = {
    "Processing": ("AppSpecification", "ContainerEntrypoint"),
    "Training": ("AlgorithmSpecification", "ContainerEntrypoint"),
}
_RULES: Mapping[str, tuple[Only | Never, ...]] = {"Processing": _PROCESSING, "Training": _TRAINING}


def refuse_arguments(step_type: str, arguments: Json, path: str, findings: Findings) -> None:
    """Notes every argument of a Processing or Training step, at `path`, that the local engine cannot honour."""
    for rule in _RULES.get(step_type, ()):
        for place, value in _values(arguments, rule.place.split("."), path):
            problem = None if is_expression(value) else rule.problem(value)
            if problem:
                findings.add(place, problem)
    if step_type in _COMMAND:
        _require_command(arguments, *_COMMAND[step_type], path=path, findings=findings)


def _require_command(arguments: Json, section: str, key: str, *, path: str, findings: Findings) -> None:
    specification = arguments.get(section)
    if not isinstance(specification, Mapping) or not specification.get(key):
        findings.add(
            child(child(path, section), key),
            "missing. The local engine does not run the image, so the command must be in the definition.",
        )


def _values(value: Json, keys: list[str], path: str) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value`, with its path; nothing where there is none."""
    if not keys:
        yield path, value
    elif keys[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values(item, keys[1:], child(path, index))
    elif isinstance(value, Mapping) and keys[0] in value:
        yield from _values(value[keys[0]], keys[1:], child(path, keys[0]))
