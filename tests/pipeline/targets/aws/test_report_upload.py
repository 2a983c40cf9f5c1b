from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import AwsError
from pipeline.targets.aws.report_upload import upload_report
from tests.pipeline.targets.aws.answers import EARLIER, step
from tests.pipeline.targets.aws.stubbed import Stubbed
from tests.pipeline.targets.aws.test_results import URI, execution, says_where

KEY = URI.removeprefix("s3://fashion-mnist-bucket/") + "/report.html"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_bytes(b"<!doctype html>")
    return file


def test_the_report_goes_where_the_registrys_entry_links_to(stubbed: Stubbed, report: Path) -> None:
    says_where(stubbed)
    stubbed.on(
        "s3",
        "put_object",
        {},
        Bucket="fashion-mnist-bucket",
        Key=KEY,
        Body=b"<!doctype html>",
        ContentType="text/html; charset=utf-8",
    )
    assert upload_report(stubbed.account(), execution(step("Evaluate")), report) == f"{URI}/report.html"
    stubbed.done()


def test_an_earlier_executions_report_is_not_replaced(stubbed: Stubbed, report: Path) -> None:
    reused = step("Evaluate", CacheHitResult={"SourcePipelineExecutionArn": EARLIER})
    assert upload_report(stubbed.account(), execution(reused), report) is None
    stubbed.done()


def test_without_an_evaluation_nothing_is_uploaded(stubbed: Stubbed, report: Path) -> None:
    assert upload_report(stubbed.account(), execution(), report) is None
    stubbed.done()


def test_a_bucket_that_refuses_it_is_told(stubbed: Stubbed, report: Path) -> None:
    says_where(stubbed)
    stubbed.fails("s3", "put_object", "AccessDenied", "not you", status=403)
    with pytest.raises(AwsError, match=r"Uploading the report of execution abc123def456.*not you"):
        upload_report(stubbed.account(), execution(step("Evaluate")), report)
