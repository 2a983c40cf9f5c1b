"""A test as other projects write it: their pipeline compiled by the SDK, run on data of the test, and looked into.

docs/local-engine.md shows it.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.testing import LocalPipeline

pytest_plugins = ["pipeline.local.pytest_plugin"]

HOUSES = Path(__file__).parent / "houses"
RAW = "s3://houses/raw/"


@pytest.fixture
def definition(local_pipeline: LocalPipeline, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pipeline's definition; its code is in the local S3."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")  # the SDK's import asks for one
    monkeypatch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
    monkeypatch.syspath_prepend(str(HOUSES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the SDK's modules
        from sagemaker.core.workflow.pipeline_context import PipelineSession

        houses: Any = __import__("houses_pipeline")
        session = PipelineSession(
            boto_session=local_pipeline.boto_session,
            sagemaker_client=local_pipeline.boto_session.client("sagemaker"),
            default_bucket=local_pipeline.bucket,
            sagemaker_config={
                "SchemaVersion": "1.0",
                "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
            },
        )
        text: str = houses.build(session).definition()
    sys.modules.pop("houses_pipeline")
    return text


def test_the_model_is_the_line_through_the_houses(local_pipeline: LocalPipeline, definition: str) -> None:
    rows = "".join(f"{area},{3 * area + 7}\n" for area in range(50, 150))
    uploads = {f"{RAW}north.csv": f"area,price\n{rows}".encode(), f"{RAW}south.csv": b"area,price\n9,\n"}

    result = local_pipeline.run(definition, parameters={"InputDataUri": RAW}, uploads=uploads).check()

    assert result.files("Clean", "clean").keys() == {"train/houses.csv", "test/houses.csv"}
    model = json.loads(result.files("Fit", "model")["model.json"].read_text())
    assert model == pytest.approx({"slope": 3.0, "base": 7.0})
    report = json.loads(result.files("Judge", "report")["report.json"].read_text())
    assert report == {"error": pytest.approx(0, abs=1e-6), "rows": 25}
    assert "train: 75 rows" in result.log("Clean")


def test_a_model_that_is_too_far_off_fails_the_execution(
    local_pipeline: LocalPipeline, definition: str
) -> None:
    rows = "".join(f"{area},{area * area}\n" for area in range(1, 41))
    result = local_pipeline.run(
        definition,
        parameters={"InputDataUri": RAW, "LargestError": 0.5},
        uploads={f"{RAW}all.csv": f"area,price\n{rows}".encode()},
    )
    assert (result.status, result.statuses["TooFarOff"]) == ("Failed", "Failed")
    assert "larger than LargestError" in str(result.step("TooFarOff").failure_reason)
