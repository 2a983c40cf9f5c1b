from __future__ import annotations

import warnings
from typing import Literal

import pytest
from botocore.exceptions import ClientError

from pipeline.targets.aws.images import chosen_images, default_image, image_fault
from tests.pipeline.targets.aws.stubbed import Stubbed

URI = "763104351884.dkr.ecr.eu-central-1.amazonaws.com/tensorflow-training:2.21.0-gpu-py312"


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-central-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
    ],
)
@pytest.mark.parametrize("instance", ["ml.g5.xlarge", "ml.m5.xlarge"])
def test_the_image_is_known_without_the_sdk_and_is_the_sdks(region: str, domain: str, instance: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pipeline.definition.sdk_parameters import tensorflow_image
    scope: Literal["training"] = "training"
    assert default_image(region, domain, instance) == tensorflow_image(region, scope, instance)


def test_a_region_without_images_is_known() -> None:
    assert default_image("mars-north-1", "amazonaws.com", "ml.m5.xlarge") is None


def test_images_that_are_named_are_taken() -> None:
    images = chosen_images("eu-central-1", "amazonaws.com", {"TrainingImageUri": "mine:1"})
    assert images["TrainingImageUri"] == "mine:1"
    assert str(images["ProcessingImageUri"]).endswith("tensorflow-training:2.21.0-cpu-py312")


def asks(stubbed: Stubbed, **answer: object) -> None:
    stubbed.on(
        "ecr",
        "batch_get_image",
        dict(answer),
        registryId="763104351884",
        repositoryName="tensorflow-training",
        imageIds=[{"imageTag": "2.21.0-gpu-py312"}],
    )


def test_an_image_that_is_there_has_no_fault(stubbed: Stubbed) -> None:
    asks(stubbed, images=[{"registryId": "763104351884"}], failures=[])
    assert image_fault(stubbed.client("ecr"), URI) is None


def test_an_image_that_is_not_there_is_named(stubbed: Stubbed) -> None:
    asks(stubbed, failures=[{"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}])
    assert image_fault(stubbed.client("ecr"), URI) == f"{URI}: Requested image not found"


def test_a_repository_that_is_not_there_is_named(stubbed: Stubbed) -> None:
    stubbed.fails("ecr", "batch_get_image", "RepositoryNotFoundException")
    assert "no such repository" in str(image_fault(stubbed.client("ecr"), URI))


def test_an_image_that_one_may_not_pull_has_no_fault_that_is_known(stubbed: Stubbed) -> None:
    stubbed.fails("ecr", "batch_get_image", "AccessDeniedException")
    with pytest.raises(ClientError):
        image_fault(stubbed.client("ecr"), URI)


@pytest.mark.parametrize("uri", ["python:3.12", "mine", URI.partition(":")[0]])
def test_what_is_no_pinned_image_in_ecr_is_refused_without_asking(stubbed: Stubbed, uri: str) -> None:
    assert f"{uri} is not " in str(image_fault(stubbed.client("ecr"), uri))
