"""What the local engine does not do with a step's request: named and refused before anything runs.

A value that is a parameter's is checked again once the parameter has its value (see parameters.py); one that comes
from another step is left to the job. What every request must have is in request_schema.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.json_path import child
from pipeline.shown import shown
from pipeline.spec.bucket_name import local_bucket_problem
from pipeline.spec.definition import Json
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression

# The values of S3DataType that are executed here.
S3_PREFIX, MANIFEST_FILE = "S3Prefix", "ManifestFile"


@dataclass(frozen=True)
class Only:
    """The value at `place`, where there is one, must be one of `allowed`; "*" in `place` is every entry."""

    place: str
    allowed: tuple[Json, ...]

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if value in self.allowed:
            return None
        return f"the local engine supports {' and '.join(map(repr, self.allowed))} only. Received: {shown(value)}"


@dataclass(frozen=True)
class Between:
    """The value at `place`, where there is one, must be a whole number from `least` to `most`."""

    place: str
    least: int
    most: int

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if type(value) is int and self.least <= value <= self.most:
            return None
        return f"the local engine supports {self.least} to {self.most} only. Received: {shown(value)}"


@dataclass(frozen=True)
class Never:
    """There must be nothing at `place`."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with there being `value`; null, false and empty are nothing."""
        return "the local engine does not support this." if value else None


@dataclass(frozen=True)
class Folder:
    """The value at `place`, where there is one, must be a folder of the container."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if (
            isinstance(value, str)
            and value.startswith("/")
            and value.strip("/")
            and ".." not in value.split("/")
        ):
            return None
        return f"expected an absolute path below /, without “..”. Received: {shown(value)}"


@dataclass(frozen=True)
class Address:
    """The value at `place`, where there is one, must be an S3 address that the local S3 can have."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if not isinstance(value, str) or not value.startswith("s3://"):
            return f"expected s3://bucket/key. Received: {shown(value)}"
        bucket, _, key = value.removeprefix("s3://").partition("/")
        if problem := local_bucket_problem(bucket):
            return f"{problem}. Received: {shown(value)}"
        if "//" in f"/{key}":
            return f"SageMaker takes no address with an empty part (“//”). Received: {shown(value)}"
        return None


# A process each, on one machine.
_INSTANCES = (1, 16)
_S3_DATA, _NOT_PACKED = (S3_PREFIX, MANIFEST_FILE), ("None",)
_DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")
# FastFile streams the same files that File copies.
_AS_FILES = ("File", "FastFile")

_RULES: Mapping[str, tuple[Only | Between | Never | Folder | Address, ...]] = {
    "Processing": (
        Between("ProcessingResources.ClusterConfig.InstanceCount", *_INSTANCES),
        Never("ProcessingInputs.*.AppManaged"),
        Never("ProcessingInputs.*.DatasetDefinition"),
        Folder("ProcessingInputs.*.S3Input.LocalPath"),
        Only("ProcessingInputs.*.S3Input.S3DataType", _S3_DATA),
        Address("ProcessingInputs.*.S3Input.S3Uri"),
        Only("ProcessingInputs.*.S3Input.S3DataDistributionType", _DISTRIBUTIONS),
        Only("ProcessingInputs.*.S3Input.S3CompressionType", _NOT_PACKED),
        Only("ProcessingInputs.*.S3Input.S3InputMode", _AS_FILES),
        Never("ProcessingOutputConfig.Outputs.*.AppManaged"),
        Never("ProcessingOutputConfig.Outputs.*.FeatureStoreOutput"),
        Folder("ProcessingOutputConfig.Outputs.*.S3Output.LocalPath"),
        Address("ProcessingOutputConfig.Outputs.*.S3Output.S3Uri"),
        Only("ProcessingOutputConfig.Outputs.*.S3Output.S3UploadMode", ("EndOfJob", "Continuous")),
    ),
    "Training": (
        Between("ResourceConfig.InstanceCount", *_INSTANCES),
        Never("ResourceConfig.InstanceGroups"),
        Only("AlgorithmSpecification.TrainingInputMode", _AS_FILES),
        Never("AlgorithmSpecification.AlgorithmName"),
        Folder("CheckpointConfig.LocalPath"),
        Only("InputDataConfig.*.InputMode", _AS_FILES),
        Only("InputDataConfig.*.CompressionType", _NOT_PACKED),
        Only("InputDataConfig.*.RecordWrapperType", _NOT_PACKED),
        Never("InputDataConfig.*.ShuffleConfig"),
        Never("InputDataConfig.*.DataSource.FileSystemDataSource"),
        Never("InputDataConfig.*.DataSource.DatasetSource"),
        Only("InputDataConfig.*.DataSource.S3DataSource.S3DataType", _S3_DATA),
        Address("InputDataConfig.*.DataSource.S3DataSource.S3Uri"),
        Only("InputDataConfig.*.DataSource.S3DataSource.S3DataDistributionType", _DISTRIBUTIONS),
        Address("OutputDataConfig.S3OutputPath"),
        Address("CheckpointConfig.S3Uri"),
        Only("OutputDataConfig.CompressionType", ("GZIP", "NONE")),
        Never("DebugRuleConfigurations"),
        Never("ProfilerRuleConfigurations"),
        Never("TensorBoardOutputConfig"),
        Never("MlflowConfig"),
        Never("ModelPackageConfig"),
        Never("ServerlessJobConfig"),
    ),
    # Versions of a group only; nothing is validated by a transform job.
    "RegisterModel": (
        Never("ModelPackageName"),
        Never("CertifyForMarketplace"),
        Never("SourceAlgorithmSpecification"),
        Never("ValidationSpecification"),
    ),
}


def refuse_arguments(step_type: str, arguments: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes every argument of a step, at `path`, that the local engine cannot honour."""
    for rule in _RULES.get(step_type, ()):
        for place, value in values_at(arguments, rule.place.split("."), path):
            problem = None if is_expression(value) else rule.problem(value)
            if problem:
                findings.add(place, problem)


def values_at(value: Json, keys: list[str], path: str) -> Iterator[tuple[str, Json]]:
    """Every value at the place `keys` under `value`, with its path; nothing where there is none."""
    if not keys:
        yield path, value
    elif keys[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from values_at(item, keys[1:], child(path, index))
    elif isinstance(value, Mapping) and keys[0] in value:
        yield from values_at(value[keys[0]], keys[1:], child(path, keys[0]))
