from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.docker.refusals import refuse_unsupported
from pipeline.errors import UsageError
from pipeline.spec.parsing import parse_definition

COMPILED = Path(__file__).parents[1] / "spec" / "compiled_definition.json"


def sharded(value: Any) -> Any:
    """`value` with every input sharded."""
    if isinstance(value, dict):
        return {
            key: "ShardedByS3Key" if key == "S3DataDistributionType" else sharded(item)
            for key, item in value.items()
        }
    return [sharded(item) for item in value] if isinstance(value, list) else value


def test_inputs_given_in_full_are_accepted():
    refuse_unsupported(parse_definition(COMPILED.read_text()))


def test_sharded_inputs_are_refused_all_at_once_by_path():
    definition = parse_definition(json.dumps(sharded(json.loads(COMPILED.read_text()))))
    with pytest.raises(
        UsageError, match="ShardedByS3Key, which the SDK's local mode does not have"
    ) as caught:
        refuse_unsupported(definition)
    paths = [line.strip() for line in str(caught.value).splitlines() if line.startswith("  $")]
    assert "$.Steps[0].Arguments.ProcessingInputs[0].S3Input.S3DataDistributionType" in paths
    assert len(paths) == json.dumps(json.loads(COMPILED.read_text())).count("S3DataDistributionType")


def test_manifests_are_refused():
    text = COMPILED.read_text().replace('"S3Prefix"', '"ManifestFile"')
    with pytest.raises(UsageError, match="ManifestFile, which the SDK's local mode does not have"):
        refuse_unsupported(parse_definition(text))
