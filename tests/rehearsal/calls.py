"""What a call of AWS's API asks of IAM: actions, resources and condition keys, as the service authorization
reference has them. Pure. A call that is not known here is an error: who makes a new one says here what it asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from infra.resolving import ACCOUNT, REGION
from pipeline.definition.settings import PROJECT
from pipeline.targets.aws.iam_evaluator import Request
from tests.rehearsal.asking import ARN, ROLE, Put, object_arn, passing, reading, writing

Tags = Callable[[str], Mapping[str, str]]
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{PROJECT}/1"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
# By what of a request names the resource, and the resource's kind.
NAMED = {
    "PipelineName": ("pipeline", (
        "CreatePipeline", "UpdatePipeline", "DescribePipeline", "DeletePipeline", "StartPipelineExecution",
        "ListPipelineExecutions", "ListPipelineVersions",
    )),
    "TrainingJobName": ("training-job", ("DescribeTrainingJob",)),
    "ProcessingJobName": ("processing-job", ("DescribeProcessingJob",)),
    "ModelName": ("model", ("CreateModel", "DescribeModel", "DeleteModel")),
    "EndpointConfigName": ("endpoint-config", (
        "CreateEndpointConfig", "DescribeEndpointConfig", "DeleteEndpointConfig",
    )),
    "EndpointName": ("endpoint", (
        "CreateEndpoint", "DescribeEndpoint", "UpdateEndpoint", "DeleteEndpoint", "InvokeEndpoint",
    )),
    "ModelPackageGroupName": ("model-package-group", ("DescribeModelPackageGroup", "ListModelPackages")),
}  # fmt: skip
BY_ARN = {
    "PipelineExecutionArn": (
        "DescribePipelineExecution", "ListPipelineExecutionSteps", "DescribePipelineDefinitionForExecution",
        "ListPipelineParametersForExecution", "StopPipelineExecution", "RetryPipelineExecution",
    ),
    "PipelineArn": ("UpdatePipelineVersion",),
    "ModelPackageName": ("DescribeModelPackage", "DeleteModelPackage"),
    "ModelPackageArn": ("UpdateModelPackage",),
    "ResourceArn": ("ListTags", "AddTags"),
}  # fmt: skip
# Of which AWS offers no resource to name.
ABOUT_NOTHING = {
    ("service-quotas", "ListServiceQuotas"): "servicequotas:ListServiceQuotas",
    ("pricing", "GetProducts"): "pricing:GetProducts",
    ("iam", "ListAccountAliases"): "iam:ListAccountAliases",
    **{("sagemaker", f"List{kind}"): f"sagemaker:List{kind}" for kind in (
        "Domains", "Models", "EndpointConfigs", "Endpoints", "Pipelines",
    )},
    ("sns", "ListSubscriptionsByTopic"): "sns:ListSubscriptionsByTopic",
    ("logs", "DescribeLogGroups"): "logs:DescribeLogGroups",
    ("events", "DisableRule"): "events:DisableRule",
    ("events", "EnableRule"): "events:EnableRule",
}  # fmt: skip
PASSED = {"CreatePipeline": "RoleArn", "UpdatePipeline": "RoleArn", "CreateModel": "ExecutionRoleArn"}
CHANGES_OWN = ("UpdateEndpoint", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel")


class UnknownCall(Exception):
    """A call of which it is not written down what it asks of IAM."""


@dataclass(frozen=True)
class Call:
    """A request as it arrives: of a service with operations, or of S3 by method and target."""

    service: str
    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def asks(self, tags: Tags) -> list[Request]:
        """What it asks of IAM. Raises UnknownCall. `tags` are those of the resource with an ARN."""
        if self.service == "s3":
            return list(_of_s3(self))
        if self.service == "sts":
            return []
        if (self.service, self.operation) in ABOUT_NOTHING:
            return [Request(ABOUT_NOTHING[self.service, self.operation], "*")]
        if self.service == "sagemaker":
            return list(_of_sagemaker(self, tags))
        if self.service == "application-autoscaling":
            return list(_of_scaling(self, tags))
        found = _OTHERS.get((self.service, self.operation))
        if found is None:
            raise UnknownCall(
                f"{self.service} {self.operation}: {__file__} does not say what it asks of IAM."
            )
        return [found(self.arguments)]


def _of_sagemaker(call: Call, tags: Tags) -> Iterator[Request]:
    operation, given = call.operation, call.arguments
    action, context = f"sagemaker:{operation}", {}
    if "ModelApprovalStatus" in given and operation in ("CreateModelPackage", "UpdateModelPackage"):
        context = {"sagemaker:ModelApprovalStatus": given["ModelApprovalStatus"]}
    for stage in ("Stage", "StageStatus"):
        if stage in given.get("ModelLifeCycle", {}):
            context[f"sagemaker:ModelLifeCycle:{stage[0].lower()}{stage[1:]}"] = given["ModelLifeCycle"][
                stage
            ]
    if operation == "CreateModelPackage":
        group = given["ModelPackageGroupName"]
        yield Request(action, f"{ARN}:model-package-group/{group}", context)
        yield Request(action, f"{ARN}:model-package/{group}/1", context)
        return
    resource = _resource(operation, given)
    if operation in CHANGES_OWN:
        context = {f"aws:ResourceTag/{key}": value for key, value in tags(resource).items()}
    yield Request(action, resource, context)
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        yield Request(action, f"{ARN}:endpoint-config/{given['EndpointConfigName']}", context)
    if operation == "ListModelPackages":
        yield Request(action, f"{ARN}:model-package/{given['ModelPackageGroupName']}/1")
    if operation in PASSED and PASSED[operation] in given:
        yield passing(given[PASSED[operation]])
    if given.get("Tags") and operation.startswith("Create"):
        yield Request("sagemaker:AddTags", resource)


def _of_scaling(call: Call, tags: Tags) -> Iterator[Request]:
    """With what AWS's page "Auto scaling prerequisites" says that whoever asks must be let do besides."""
    action, given = f"application-autoscaling:{call.operation}", call.arguments
    if call.operation.startswith("Describe"):
        yield Request(action, "*")
        return
    prefix, resource = "application-autoscaling:", given["ResourceId"]
    target = f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/{resource}"
    context = {
        f"{prefix}service-namespace": given["ServiceNamespace"],
        f"{prefix}scalable-dimension": given["ScalableDimension"],
        **{f"aws:ResourceTag/{key}": value for key, value in tags(target).items()},
    }
    new = {f"aws:RequestTag/{key}": value for key, value in given.get("Tags", {}).items()}
    yield Request(action, target, {**context, **new})
    endpoint = f"{ARN}:endpoint/{resource.split('/')[1]}"
    owned = {f"aws:ResourceTag/{key}": value for key, value in tags(endpoint).items()}
    if call.operation == "RegisterScalableTarget":
        yield Request(f"{prefix}TagResource", target, new)
        yield Request("sagemaker:DescribeEndpoint", endpoint)
        yield Request("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint, owned)
        by = "sagemaker.application-autoscaling.amazonaws.com"
        role = f"{ROLE}/aws-service-role/{by}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        yield Request("iam:CreateServiceLinkedRole", role, {"iam:AWSServiceName": by})
    if call.operation == "PutScalingPolicy":
        alarm = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:TargetTracking-{resource}-AlarmHigh-0a1b"
        for doing in ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"):
            yield Request(f"cloudwatch:{doing}", alarm)


def _resource(operation: str, given: Mapping[str, Any]) -> str:
    for member, (kind, operations) in NAMED.items():
        if operation in operations:
            name = given[member]
            return f"{ARN}:{kind}/{name.lower() if kind == 'pipeline' else name}"
    for member, operations in BY_ARN.items():
        if operation in operations:
            return str(given[member])
    raise UnknownCall(f"sagemaker {operation}: {__file__} does not say what it asks of IAM.")


def _of_s3(call: Call) -> Iterator[Request]:
    method, _, target = call.operation.partition(" ")
    parts = urlsplit(target)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    place = object_arn(f"{bucket}/{key}" if key else bucket)
    if not key:
        yield from _of_bucket(method, place, query)
    elif method in ("GET", "HEAD"):
        yield from reading(place)
    elif method == "PUT" or (method == "POST" and {"uploads", "uploadId"} & set(query)):
        header = "x-amz-server-side-encryption"
        put = Put(call.headers.get(header), call.headers.get(f"{header}-aws-kms-key-id"))
        yield from writing(place, put)
    elif method == "DELETE":
        yield Request("s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject", place)
    else:
        raise UnknownCall(f"s3 {call.operation}: {__file__} does not say what it asks of IAM.")


def _of_bucket(method: str, bucket: str, query: Mapping[str, list[str]]) -> Iterator[Request]:
    if method == "GET" and "location" in query:
        yield Request("s3:GetBucketLocation", bucket)
    elif method in ("GET", "HEAD"):
        action = "s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"
        prefix = query.get("prefix", [""])[0]
        yield Request(action, bucket, {"s3:prefix": prefix} if prefix else {})
    elif "delete" in query:
        yield Request("s3:DeleteObjectVersion", f"{bucket}/*")
    else:
        words = {"publicAccessBlock": "PutBucketPublicAccessBlock", "lifecycle": "PutLifecycleConfiguration"}
        named = next((words[name] for name in words if name in query), None)
        yield Request(f"s3:{named or ('DeleteBucket' if method == 'DELETE' else 'CreateBucket')}", bucket)


_OTHERS: dict[tuple[str, str], Callable[[Mapping[str, Any]], Request]] = {
    ("cloudformation", "DescribeStacks"): lambda given: Request("cloudformation:DescribeStacks", STACK),
    ("logs", "DescribeLogStreams"): lambda given: Request(
        "logs:DescribeLogStreams", f"{LOGS}:{given['logGroupName']}"
    ),
    ("logs", "GetLogEvents"): lambda given: Request(
        "logs:GetLogEvents", f"{LOGS}:{given['logGroupName']}:log-stream:{given['logStreamName']}"
    ),
    ("ecr", "BatchGetImage"): lambda given: Request(
        "ecr:BatchGetImage",
        f"arn:aws:ecr:{REGION}:{given.get('registryId', ACCOUNT)}:repository/{given['repositoryName']}",
    ),
    ("iam", "SimulatePrincipalPolicy"): lambda given: Request(
        "iam:SimulatePrincipalPolicy", given["PolicySourceArn"]
    ),
    **{
        ("iam", name): lambda given, name=name: Request(f"iam:{name}", f"{ROLE}/{given['RoleName']}")  # type: ignore[misc]
        for name in ("GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies")
    },
}
