"""The monitor's definition: golden, repeatable, and valid before AWS sees it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from pipeline.definition.compiling import compile_definition
from pipeline.definition.settings import Settings, local_settings
from pipeline.spec.parsing import parse_definition
from pipeline.spec.validation import check_definition
from tests.pipeline.definition.test_builder import ACCOUNT, EVERYTHING, KEY, REGION, VPC, normalized, steps

GOLDEN = Path(__file__).parents[1] / "definition_monitor.golden.json"


@pytest.fixture(scope="module")
def compiled() -> Iterator[Callable[[Settings], str]]:
    with mock_aws():
        session = boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
        session.client("s3").create_bucket(Bucket=local_settings(ACCOUNT, REGION).bucket)
        yield lambda settings: compile_definition(settings.for_monitor(), session)


def test_the_definition_is_the_golden_one_and_repeatable(compiled: Callable[[Settings], str]) -> None:
    """After a wanted change: UPDATE_GOLDEN=1 make test, and read the difference before you commit it."""
    settings = local_settings(ACCOUNT, REGION)
    text = compiled(settings)
    assert compiled(settings) == text
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(normalized(text))
    assert normalized(text) == GOLDEN.read_text()


@pytest.mark.parametrize("choices", [{}, EVERYTHING], ids=["plain", "everything"])
def test_it_is_what_the_service_takes(
    compiled: Callable[[Settings], str], choices: dict[str, object]
) -> None:
    text = compiled(local_settings(ACCOUNT, REGION, **choices))  # type: ignore[arg-type]
    check_definition(json.loads(text), {"CaptureHours": 24, "ModelVersion": "3"})
    parse_definition(text)


def test_new_requests_below_the_same_address_are_read_again(compiled: Callable[[Settings], str]) -> None:
    monitor = steps(compiled(local_settings(ACCOUNT, REGION)))["Monitor"]
    assert "CacheConfig" not in monitor


def test_the_job_runs_in_the_network_and_under_the_key_but_is_not_cut_off(
    compiled: Callable[[Settings], str],
) -> None:
    text = compiled(local_settings(ACCOUNT, REGION, **VPC, kms_key=KEY, network_isolation=True))  # type: ignore[arg-type]
    arguments = steps(text)["Monitor"]["Arguments"]
    assert arguments["NetworkConfig"]["VpcConfig"] == {
        "SecurityGroupIds": ["sg-1"],
        "Subnets": ["subnet-1", "subnet-2"],
    }
    assert not arguments["NetworkConfig"].get("EnableNetworkIsolation"), "it asks the registry"
    assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == KEY
