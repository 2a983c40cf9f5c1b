"""What a definition may ask for that the SDK's local mode cannot do; said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.errors import UsageError
from pipeline.spec.definition import Definition, Json

# It copies every input in full, and a manifest itself instead of what it lists.
_NOT_THERE = {"S3DataDistributionType": "ShardedByS3Key", "S3DataType": "ManifestFile"}


def refuse_unsupported(definition: Definition) -> None:
    """Raises UsageError that lists, with their JSON paths, all inputs that are to be sharded or listed."""
    found = [
        each
        for step in definition.steps
        for each in _unsupported(step.arguments, f"{step.json_path}.Arguments")
    ]
    if found:
        values = " and ".join(dict.fromkeys(value for _, value in found))
        raise UsageError(
            f"Preparing TARGET=docker: expected inputs that every instance gets in full. Received: "
            f"{values}, which the SDK's local mode does not have, at\n"
            + "\n".join(f"  {path}" for path, _ in found)
            + "\nUse TARGET=local, or TARGET=sagemaker."
        )


def _unsupported(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name in _NOT_THERE and item == _NOT_THERE[name]:
                yield f"{path}.{name}", item
            yield from _unsupported(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unsupported(item, f"{path}[{index}]")
