"""An AWS account in which the stack is deployed, for commands that are started with its environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.resolving import ACCOUNT, resolve_template
from infra.template import load_template
from pipeline.execution import ExecutionRecord
from pipeline.local.endpoint.engine import Choices
from pipeline.local.endpoint.identity import Form
from pipeline.local.endpoint.operations import Operation
from pipeline.local.endpoint.steps import listed_steps
from pipeline.local.jobs.job import Graces
from pipeline.local.local_sagemaker import local_sagemaker
from pipeline.local.state.local_aws import LocalAws
from pipeline.targets.aws.images import VERSION
from tests.commands_template import HURRY
from tests.infra.requests_of_roles import identity_statements

NAME = "fashion-mnist"
BUCKET = f"{NAME}-{LocalAws.ACCOUNT}-{LocalAws.REGION}"
ROLES = ("pipeline", "jobs", "evaluation")
# What the local SageMaker answers; all else of this account is moto's, or answered below.
OURS = {
    *("CreatePipeline", "UpdatePipeline", "DescribePipeline", "StartPipelineExecution"),
    *("ListPipelineVersions", "UpdatePipelineVersion"),
    *("RetryPipelineExecution", "StopPipelineExecution", "ListPipelineExecutions"),
    *("DescribePipelineExecution", "DescribePipelineDefinitionForExecution"),
    *("ListPipelineParametersForExecution", "ListPipelineExecutionSteps"),
    *("DescribeTrainingJob", "DescribeProcessingJob", "DescribeLogStreams", "GetLogEvents"),
    *("ListServiceQuotas", "GetProducts", "BatchGetImage", "DescribeStacks"),
}
QUICK = Choices(graces=Graces(limit=1.0, stop=1.0, checkpoints=0.2))
Request = dict[str, Any]


@cache
def policy_of(purpose: str) -> str:
    """What the template lets the role do, with the names of this account."""
    stack = resolve_template(load_template(), {}, LocalAws.REGION)
    role = {"pipeline": "PipelineRole", "jobs": "JobRole", "evaluation": "EvaluationRole"}[purpose]
    text = json.dumps({"Version": "2012-10-17", "Statement": identity_statements(stack, role)})
    for logical, name in (("JobRole", "jobs"), ("EvaluationRole", "evaluation")):
        text = text.replace(f"role/{logical}", f"role/{NAME}-{name}")
    return text.replace(ACCOUNT, LocalAws.ACCOUNT)


def role_arn(purpose: str) -> str:
    return f"arn:aws:iam::{LocalAws.ACCOUNT}:role/{NAME}-{purpose}"


class Cloud:
    """The account. `quotas` and `prices` can be changed; `switches` make it fail and say what it was asked."""

    ours = frozenset(OURS)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.quotas = {
            "ml.g5.xlarge for training job usage": 4.0,
            "ml.m5.xlarge for processing job usage": 8.0,
            "ml.m5.xlarge for training job usage": 2.0,
        }
        self.prices = {("ml.g5.xlarge", "Training"): 2.0, ("ml.m5.xlarge", "Processing"): 0.5}
        self.images = {"tensorflow-training": {f"{VERSION}-{kind}-py312" for kind in ("cpu", "gpu")}}
        self.outputs = {
            "Account": LocalAws.ACCOUNT,
            "Region": LocalAws.REGION,
            "BucketName": BUCKET,
            "KeyArn": f"arn:aws:kms:{LocalAws.REGION}:{LocalAws.ACCOUNT}:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f",
            "PipelineName": NAME,
            "PipelineRoleArn": role_arn("pipeline"),
            "JobRoleArn": role_arn("jobs"),
            "EvaluationRoleArn": role_arn("evaluation"),
            "ModelPackageGroupName": NAME,
        }
        self.stack_status = "CREATE_COMPLETE"

    def operations(self) -> dict[tuple[str, str], Operation]:
        """What it answers beside the local SageMaker and moto."""
        return {
            ("sagemaker", "ListPipelineExecutionSteps"): self.list_steps,
            ("service-quotas", "ListServiceQuotas"): self.list_quotas,
            ("pricing", "GetProducts"): self.get_products,
            ("ecr", "BatchGetImage"): self.batch_get_image,
        }

    def forms(self) -> dict[tuple[str, str], Callable[[Form], str]]:
        """The same of services that take forms."""
        return {("cloudformation", "DescribeStacks"): lambda form: self.describe_stacks()}

    def __enter__(self) -> Self:
        self._running = local_sagemaker(
            self._folder,
            choices=QUICK,
            operations=self.operations(),
            forms=self.forms(),
            check=True,
            is_motos=lambda name: name not in self.ours,
        )
        self.server = self._running.__enter__()
        self.switches = self.server.switches
        self.deploy()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, trace)

    @property
    def asked(self) -> list[str]:
        """The name of every operation that was called."""
        return self.switches.asked

    def execution(self, execution_id: str) -> ExecutionRecord:
        """The record of an execution, from the service's side."""
        execution = self.server.engine.find(execution_id)
        assert execution is not None
        return execution.known

    def client(self, service: str) -> Any:
        """A client of moto's, for looking at what is there."""
        return self.server.opened.aws.client(service)

    def deploy(self) -> None:
        """Makes what the stack would."""
        self.server.opened.aws.ensure_bucket(BUCKET)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        for purpose in ROLES:
            self.client("iam").create_role(
                RoleName=f"{NAME}-{purpose}", AssumeRolePolicyDocument=json.dumps(trust)
            )
            self.client("iam").put_role_policy(
                RoleName=f"{NAME}-{purpose}", PolicyName="own", PolicyDocument=policy_of(purpose)
            )
        self.client("sagemaker").create_model_package_group(ModelPackageGroupName=NAME)
        self.client("iam").create_account_alias(AccountAlias="the-fashion-house")

    @property
    def environment(self) -> dict[str, str]:
        """What leads a command to this account: what a user has set, with the endpoint in place of AWS's own.

        What AWS does in minutes is done here in seconds: so often do forked commands look.
        """
        return {**self.server.environment, "no_proxy": "*", HURRY: "10"}

    def list_steps(self, request: Request) -> Request:
        """In short pages, so that who lists them has to ask again."""
        execution = self.server.engine.find(request["PipelineExecutionArn"].rpartition("/")[2])
        assert execution is not None
        definition = self.server.engine.definition(execution)
        return listed_steps(execution, definition, {**request, "MaxResults": 3})

    def describe_stacks(self) -> str:
        outputs = "".join(
            f"<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
            for key, value in self.outputs.items()
        )
        return (
            '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
            f"<DescribeStacksResult><Stacks><member><StackName>{NAME}</StackName>"
            f"<StackStatus>{self.stack_status}</StackStatus><CreationTime>2026-11-25T00:00:00Z</CreationTime>"
            f"<Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )

    def list_quotas(self, request: Request) -> Request:
        """Three pages: first hundreds that nobody asks for, then ours."""
        page = int(request.get("NextToken", 0))
        if page < 2:
            others = [
                {"QuotaName": f"other {page}-{index}", "QuotaCode": f"L-{page}{index}", "Value": 1.0}
                for index in range(100)
            ]
            return {"Quotas": others, "NextToken": str(page + 1)}
        return {
            "Quotas": [
                {"QuotaName": name, "QuotaCode": f"L-{index:08X}", "Value": value}
                for index, (name, value) in enumerate(self.quotas.items())
            ]
        }

    def get_products(self, request: Request) -> Request:
        wanted = {each["Field"]: each["Value"] for each in request["Filters"]}
        assert wanted["regionCode"] == LocalAws.REGION
        return {
            "FormatVersion": "aws_v1",
            "PriceList": [
                product(name, component, usd)
                for (name, component), usd in self.prices.items()
                if name == wanted["instanceName"]
            ],
        }

    def batch_get_image(self, request: Request) -> Request:
        found = self.images.get(request["repositoryName"], set())
        missing = [each for each in request["imageIds"] if each["imageTag"] not in found]
        return {
            "images": [{"imageId": each} for each in request["imageIds"] if each not in missing],
            "failures": [
                {
                    "imageId": each,
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                }
                for each in missing
            ],
        }


def product(name: str, component: str, usd: float) -> str:
    """One product of the price list, as the API gives it."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{usd:.10f}"}}
    return json.dumps(
        {
            "product": {"attributes": {"instanceName": name, "component": component}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}},
        }
    )
