"""What the stack's resources hold that people made: objects, models, images, the pipeline. `destroy` would lose it.

CloudFormation does not delete a bucket, a model package group or an image repository with something in it.
Endpoints are not its own; without the stack they would keep incurring charges.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.aws import Aws
from infra.hosting import Hosting
from infra.running import Running
from infra.stack import InfraError
from pipeline.definition.settings import MONITOR_SUFFIX
from pipeline.inference.batch.transform_definition import PIPELINE_SUFFIX

SUFFIXES = (MONITOR_SUFFIX, PIPELINE_SUFFIX)  # of the pipelines beside the one that is called as the project
COUNTED = 1000
"""Versions of objects that are counted before it is "more than"."""

# Logical names in stack.yaml.
BUCKETS = ("Bucket", "LogBucket")
GROUP = "ModelPackageGroup"
REPOSITORY = "Repository"
MLFLOW = "MlflowApp"


class Holdings:
    """What is in the resources whose physical names are `names`, by their logical names."""

    def __init__(
        self,
        aws: Aws,
        names: Mapping[str, str],
        pipeline: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.aws = aws
        self.hosting = Hosting(
            aws.client("sagemaker"), aws.client("application-autoscaling"), pipeline, sleep
        )
        self.running = Running(aws, names, sleep)
        self.buckets = [names[name] for name in BUCKETS if name in names]
        self.group = names[GROUP].rpartition("/")[2] if GROUP in names else None
        self.repository = names.get(REPOSITORY)
        self.mlflow = names.get(MLFLOW)
        self.pipeline = pipeline

    def describe(self) -> list[str]:
        """A line for each place that holds something."""
        lines = []
        for bucket in self.buckets:
            count = 0
            for page in self._versions(bucket):
                count += len(page)
                if count > COUNTED:
                    break
            if count:
                more = f"more than {COUNTED}" if count > COUNTED else str(count)
                lines.append(f"bucket {bucket}: {more} object versions")
        if packages := len(self._packages()):
            lines.append(f"model package group {self.group}: {packages} models")
        if images := len(self._images()):
            lines.append(f"image repository {self.repository}: {images} images")
        if self.mlflow is not None:
            # Goes with the stack. AWS does not tell how much is in it.
            lines.append(f"MLflow app {self.mlflow.rpartition('/')[2]}: its experiments and runs")
        for name in self._pipelines():
            lines.append(f"pipeline {name}: its definition and the list of its executions")
            lines += [f"execution {arn.rpartition('/')[2]}: it runs" for arn in self.running.executions(name)]
        return lines + self.hosting.find().lines()

    def delete(self, say: Callable[[str], None]) -> None:
        """Deletes all of it, for good; what runs is stopped first, and waited for.

        Raises:
            InfraError: an execution does not end, or S3 would not delete some object.
            DeployFailed: an endpoint would not go.
            botocore.exceptions.ClientError: a service refused.
        """
        with self.running.paused():
            pipelines = self._pipelines()
            for name in pipelines:
                self.running.stop(name, say)
            self.delete_hosting(say)
            for name in pipelines:
                self.aws.client("sagemaker").delete_pipeline(PipelineName=name)
            for arn in self._packages():
                self.aws.client("sagemaker").delete_model_package(ModelPackageName=arn)
            images = self._images()
            for start in range(0, len(images), 100):
                self.aws.client("ecr").batch_delete_image(
                    repositoryName=self.repository, imageIds=images[start : start + 100]
                )
            self.empty_buckets()

    def delete_hosting(self, say: Callable[[str], None]) -> None:
        """Deletes endpoints with their configurations and models.

        Also once the stack is gone: a function that was deploying a model may have made an endpoint meanwhile.
        """
        self.hosting.delete(self.hosting.find(), say)

    def empty_buckets(self) -> None:
        """Deletes every version of every object, and every delete marker."""
        for bucket in self.buckets:
            for page in self._versions(bucket):
                answer = self.aws.client("s3").delete_objects(
                    Bucket=bucket, Delete={"Objects": page, "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise InfraError(
                        f"S3 did not delete {len(errors)} of {len(page)} object versions of the bucket "
                        f"{bucket}; the first is {errors[0]['Key']!r}: {errors[0]['Code']} "
                        f"{errors[0].get('Message', '')}. The stack is still there; run the same command "
                        "again."
                    )

    def _versions(self, bucket: str) -> Iterator[list[dict[str, str]]]:
        pages = self.aws.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        try:
            for page in pages:
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if versions:
                    yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise

    def _packages(self) -> list[str]:
        if self.group is None:
            return []
        pages = self.aws.client("sagemaker").get_paginator("list_model_packages")
        try:
            found = pages.paginate(ModelPackageGroupName=self.group)
            return [each["ModelPackageArn"] for page in found for each in page["ModelPackageSummaryList"]]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return []

    def _images(self) -> list[dict[str, Any]]:
        if self.repository is None:
            return []
        pages = self.aws.client("ecr").get_paginator("list_images").paginate(repositoryName=self.repository)
        return [each for page in pages for each in page.get("imageIds", [])]

    def _is_tagged(self, arn: str, name: str) -> bool:
        """Whether one of the tags that the command line gives has this project's name, or its own, as its value."""
        keys = ("Project", "Pipeline")
        pages = self.aws.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return any(
            tag["Key"] in keys and tag["Value"] in (self.pipeline, name)
            for page in pages
            for tag in page["Tags"]
        )

    def _pipelines(self) -> list[str]:
        """Those of this project's pipelines that the account has: of their names, and tagged as the command line
        tags them."""
        pages = self.aws.client("sagemaker").get_paginator("list_pipelines")
        return [
            each["PipelineName"]
            for page in pages.paginate(PipelineNamePrefix=self.pipeline)
            for each in page["PipelineSummaries"]
            if each["PipelineName"] in (self.pipeline, *(f"{self.pipeline}{suffix}" for suffix in SUFFIXES))
            and self._is_tagged(each["PipelineArn"], each["PipelineName"])
        ]
