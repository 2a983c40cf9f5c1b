"""The batch pipeline's definition: golden, and valid before AWS sees it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.definition.settings import local_settings
from pipeline.inference.batch.transform_definition import batch_definition, pipeline_name
from pipeline.spec.parsing import parse_definition
from pipeline.spec.validation import check_definition

GOLDEN = Path(__file__).with_name("definition.golden.json")
ACCOUNT, REGION = "123456789012", "us-east-1"
VALUES = {"ModelName": "a-model", "InputUri": "s3://bucket/requests/"}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_the_definition_is_the_golden_one() -> None:
    """After a wanted change: UPDATE_GOLDEN=1 make test, and read the difference before you commit it."""
    text = batch_definition(local_settings(ACCOUNT, REGION))
    assert text == batch_definition(local_settings(ACCOUNT, REGION))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text.replace(ACCOUNT, "<account>"))
    assert text.replace(ACCOUNT, "<account>") == GOLDEN.read_text()


@pytest.mark.parametrize("choices", [{}, {"kms_key": KEY, "tags": (("CostCenter", "1234"),)}])
def test_the_service_takes_it(choices: dict[str, object]) -> None:
    text = batch_definition(local_settings(ACCOUNT, REGION, **choices))  # type: ignore[arg-type]
    check_definition(json.loads(text), VALUES)
    parse_definition(text)
    assert pipeline_name("fashion-mnist") == "fashion-mnist-batch"
