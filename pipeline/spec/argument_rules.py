"""What a step type can say of a request that the service takes: what is not done here, or not with every value."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.shown import shown
from pipeline.spec.bucket_name import local_bucket_problem
from pipeline.spec.definition import Json
from pipeline.spec.record_filter import parse_filter
from pipeline.spec.s3_address import as_s3

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
        *most, last = map(repr, self.allowed)
        allowed = f"{', '.join(most)} and {last}" if most else last
        return f"the local engine supports only {allowed}, not {shown(value)}."


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
        return f"the local engine supports only {self.least} to {self.most}, not {shown(value)}."


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
        return f"must be an absolute path below /, without “..”, not {shown(value)}."


@dataclass(frozen=True)
class Address:
    """The value at `place`, where there is one, must be an S3 address that the local S3 can have."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        address = as_s3(value) if isinstance(value, str) else ""
        if not address.startswith("s3://"):
            return f"must be s3://bucket/key, not {shown(value)}."
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if problem := local_bucket_problem(bucket):
            return f"{problem} (in {shown(value)})."
        if "//" in f"/{key}":
            return f"SageMaker accepts no address with an empty part (“//”), as {shown(value)} has."
        return None


@dataclass(frozen=True)
class Skipped:
    """The value at `place`, where there is one, must be true: what it skips is not done here."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if value is True:
            return None
        return f"the local engine checks no data or models, so {self.place} must be true, not {shown(value)}."


@dataclass(frozen=True)
class Selects:
    """The value at `place`, where there is one, must be a filter of records."""

    place: str

    def problem(self, value: Json) -> str | None:
        """What is wrong with `value`, None when nothing is."""
        if not isinstance(value, str):
            return f"must be a string, not {shown(value)}."
        try:
            parse_filter(value)
        except ValueError as error:
            return str(error)
        return None


Rule = Only | Between | Never | Folder | Address | Skipped | Selects

# Of several types of jobs.
# A process each, on one machine.
INSTANCES = (1, 16)
S3_DATA, NOT_PACKED = (S3_PREFIX, MANIFEST_FILE), ("None",)
DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")
# FastFile streams the same files that File copies.
AS_FILES = ("File", "FastFile")
