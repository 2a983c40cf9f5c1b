"""What a definition may ask for that the SDK's local mode cannot do; said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import UsageError
from pipeline.local.definition import Definition, Json


def refuse_unsupported(definition: Definition) -> None:
    """Raises UsageError that lists, with their JSON paths, all inputs that are to be sharded."""
    found = [
        f"  {path}"
        for step in definition.steps
        for path in _sharded(step.arguments, f"{step.json_path}.Arguments")
    ]
    if found:
        raise UsageError(
            "Preparing TARGET=docker: expected inputs that every instance gets in full. Received: "
            "ShardedByS3Key, which the SDK's local mode does not have, at\n"
            + "\n".join(found)
            + "\nUse TARGET=local, or TARGET=sagemaker."
        )


def _sharded(value: Json, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "S3DataDistributionType" and item == "ShardedByS3Key":
                yield f"{path}.{name}"
            yield from _sharded(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sharded(item, f"{path}[{index}]")
