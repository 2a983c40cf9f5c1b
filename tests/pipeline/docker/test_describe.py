from __future__ import annotations

from datetime import UTC, datetime

from pipeline.docker.describe import as_described


def test_the_sdks_answer_becomes_the_services():
    moment = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    uri = {"S3Uri": "s3://b/k"}
    described = as_described(
        {
            "Environment": {"MINE": "1", "AWS_ENDPOINT_URL": "http://here"},
            "ProcessingInputs": {"raw": {"InputName": "raw", "S3Input": uri, "DataUri": "s3://b/k"}},
            "ProcessingOutputConfig": {"Outputs": {"out": {"OutputName": "out", "S3Output": uri}}},
            "ProcessingStartTime": moment.astimezone().replace(tzinfo=None),
        },
        hidden={"AWS_ENDPOINT_URL"},
    )
    assert described == {
        "Environment": {"MINE": "1"},
        "ProcessingInputs": [{"InputName": "raw", "S3Input": uri}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": uri}]},
        "ProcessingStartTime": "2026-11-23T12:00:00Z",
    }


def test_an_outcome_is_the_services_word():
    assert as_described({"Outcome": False}, hidden=()) == {"Outcome": "False"}
