from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.registry import Package, package_of
from pipeline.view.registry import print_package, print_packages

PACKAGE = Package(
    version=3,
    arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/3",
    approval="PendingManualApproval",
    model_data="s3://bucket/executions/8f3a/models/x/output/model.tar.gz",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.20.0-cpu",
    metrics="s3://bucket/executions/8f3a/evaluation/evaluation.json",
    metadata={
        "candidate": "cnn-3x3",
        "seed": "0",
        "validation_accuracy": "0.9154",
        "test_accuracy": "0.911",
        "execution_id": "8f3a2c9d41e7",
    },
)


def test_each_version_is_one_row() -> None:
    stream = io.StringIO()
    approved = replace(PACKAGE, version=2, approval="Approved", metadata={})
    print_packages("fashion-mnist", [PACKAGE, approved], stream)
    title, _, first, second = stream.getvalue().splitlines()
    assert title == "Model package group fashion-mnist"
    assert " ".join(first.split()) == "3 · pending approval 91.10 % 91.54 % cnn-3x3-0 8f3a2c9d41e7"
    assert " ".join(second.split()) == "2 ✓ approved – – – –"


def test_an_empty_group_says_what_fills_it() -> None:
    stream = io.StringIO()
    print_packages("fashion-mnist", [], stream)
    assert "fashion-mnist has no versions yet" in stream.getvalue()


def test_a_version_is_shown_in_full_and_its_texts_can_be_copied() -> None:
    stream = io.StringIO()
    print_package("fashion-mnist", PACKAGE, stream)
    lines = stream.getvalue().splitlines()
    assert f"ARN         {PACKAGE.arn}" in lines
    assert f"Image       {PACKAGE.image}" in lines
    assert "Approval    · pending approval" in lines
    assert "Metadata    candidate = cnn-3x3" in lines
    assert "            test_accuracy = 0.911" in lines


def described(**container: object) -> dict[str, Any]:
    """A DescribeModelPackage response."""
    return {
        "ModelPackageVersion": 3,
        "ModelPackageArn": PACKAGE.arn,
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {"Containers": [{"Image": "i", **container}]},
    }


@pytest.mark.parametrize(
    ("compression", "kind", "archived"), [("Gzip", "S3Object", True), ("None", "S3Prefix", False)]
)
def test_a_package_with_a_model_data_source_shows_it(compression: str, kind: str, archived: bool) -> None:
    source = {"S3Uri": "s3://bucket/model/", "S3DataType": kind, "CompressionType": compression}
    package = package_of(described(ModelDataSource={"S3DataSource": source}))
    assert (package.model_data, package.archived) == ("s3://bucket/model/", archived)
    assert package.as_json()["model_data_url"] == "s3://bucket/model/"
    stream = io.StringIO()
    print_package("g", package, stream)
    shown = "s3://bucket/model/" if archived else "s3://bucket/model/ (the files below it, as they are)"
    assert f"Model       {shown}" in stream.getvalue().splitlines()


def test_a_package_without_a_model_says_so() -> None:
    for response in (described(), {**described(), "InferenceSpecification": {"Containers": []}}):
        stream = io.StringIO()
        print_package("g", package_of(response), stream)
        assert "Model       –" in stream.getvalue().splitlines()


@pytest.mark.parametrize("approval", ["Rejected", "SomethingNew"])
def test_any_approval_status_is_shown(approval: str) -> None:
    stream = io.StringIO()
    print_package("g", replace(PACKAGE, approval=approval, metrics=None), stream)
    assert approval.lower() in stream.getvalue().lower()


def test_a_version_links_to_its_report_by_its_file_if_it_is_here() -> None:
    def shown(package: Package, report: Path | None = None) -> str:
        stream = io.StringIO()
        print_package("fashion-mnist", package, stream, report)
        return stream.getvalue()

    linked = replace(PACKAGE, metadata={"report": "s3://bucket/executions/8f3a/evaluation/report.html"})
    assert "Report      s3://bucket/executions/8f3a/evaluation/report.html\n" in shown(linked)
    assert "Report      /home/me/report.html\n" in shown(linked, Path("/home/me/report.html"))
    assert "Report      –\n" in shown(PACKAGE)
    assert linked.as_json()["report"] == linked.report
    assert PACKAGE.as_json()["report"] is None
