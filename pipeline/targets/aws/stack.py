"""What `make infra-deploy` made: its CloudFormation stack's outputs, which are all the configuration there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipeline.definition.settings import PROJECT, Choices, Settings
from pipeline.errors import UsageError
from pipeline.targets.aws.answers import the_only
from pipeline.targets.aws.aws_errors import translate_errors

# Each has a stack of its own, of the same template.
ENVIRONMENTS = ("staging", "production")
DEPLOY = "Make it with: make infra-deploy"
# States in which everything that the template names is there.
READY = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_COMPLETE",
)
# What the stack's roles may register a model as; as anything else, a run would be refused in its last step.
STATUSES = ("PendingManualApproval", "Rejected")
# The fields of StackOutputs by the template's names for them.
REQUIRED = {
    "BucketName": "bucket",
    "KeyArn": "key",
    "PipelineName": "pipeline_name",
    "PipelineRoleArn": "pipeline_role",
    "JobRoleArn": "job_role",
    "EvaluationRoleArn": "evaluation_role",
    "ModelPackageGroupName": "model_package_group",
}


@dataclass(frozen=True)
class StackOutputs:
    """The outputs; roles and the key are ARNs. `subnets` and `security_groups` are empty without CreateVpc,
    `endpoint_role` and `endpoint_alarms` where the stack is older than endpoints and their alarms are, `mlflow_app`
    without CreateMlflowApp. `models_from` is the group that endpoints get their models from, perhaps another
    stack's; "" where the stack is older."""

    name: str
    bucket: str
    key: str
    pipeline_name: str
    pipeline_role: str
    job_role: str
    evaluation_role: str
    model_package_group: str
    endpoint_role: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    mlflow_app: str = ""
    endpoint_alarms: tuple[str, ...] = ()
    models_from: str = ""


def stack_name(environ: Mapping[str, str]) -> str:
    """The stack that FASHION_STACK names, or that of ENVIRONMENT; else the one that `make infra-deploy` makes.

    Raises:
        UsageError: ENVIRONMENT is none of this project's.
    """
    if named := environ.get("FASHION_STACK"):
        return named
    environment = environ.get("ENVIRONMENT")
    if environment and environment not in ENVIRONMENTS:
        raise UsageError(
            f"ENVIRONMENT is {environment!r}; this project's are {' and '.join(ENVIRONMENTS)}. Set one of them, "
            "unset it for the stack without one, or name a stack with FASHION_STACK."
        )
    return f"{PROJECT}-{environment}" if environment else PROJECT


def read_stack(cloudformation: Any, name: str) -> StackOutputs:
    """The outputs of the stack called `name`.

    Raises:
        UsageError: there is no such stack, it is not ready, or its outputs are not this project's.
        CredentialsError, AwsError: AWS does not tell.
    """
    doing = f"Reading the stack {name}"
    with translate_errors(doing):
        try:
            answer = cloudformation.describe_stacks(StackName=name)
        except ClientError as error:
            if "does not exist" in str(error):
                raise UsageError(
                    f"{doing}: there is no stack of that name, with bucket, roles and registry, in this "
                    f"account and region. {DEPLOY} (another name: set FASHION_STACK)"
                ) from error
            raise
        stack = the_only(answer["Stacks"], "DescribeStacks", "Stacks")
    if stack["StackStatus"] not in READY:
        raise UsageError(f"{doing}: it is {stack['StackStatus']}, not deployed. See: make infra-status")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    missing = [key for key in REQUIRED if not outputs.get(key)]
    if missing:
        raise UsageError(
            f"{doing}: it lacks outputs of infra/stack.yaml: {', '.join(missing)}. Bring it up to date with: "
            "make infra-deploy"
        )
    return StackOutputs(
        name=name,
        endpoint_role=outputs.get("EndpointRoleArn", ""),
        models_from=outputs.get("ModelsFrom", ""),
        subnets=_listed(outputs.get("SubnetIds", "")),
        security_groups=_listed(outputs.get("SecurityGroupIds", "")),
        endpoint_alarms=_listed(outputs.get("EndpointAlarmNames", "")),
        mlflow_app=outputs.get("MlflowAppArn", ""),
        **{field: outputs[key] for key, field in REQUIRED.items()},
    )


def settings_for(
    account: str,
    region: str,
    stack: StackOutputs,
    choices: Choices,
    values: Mapping[str, object] | None = None,
) -> Settings:
    """Settings for the stack: its network, where it has one, and its key, unless `choices` name others.

    `values` are the parameters': their instance types decide which volumes the key can encrypt.
    """
    chosen = {name: value for name, value in choices.items() if value}
    suggested: Choices = {"kms_key": stack.key}
    if "subnets" not in chosen and "security_groups" not in chosen:
        suggested |= {"subnets": stack.subnets, "security_groups": stack.security_groups}
    for kind in ("training", "processing"):
        name = f"{kind.title()}InstanceType"
        if values is not None and name in values:
            suggested[f"{kind}_instance_type"] = str(values[name])  # type: ignore[literal-required]
    return Settings(
        account=account,
        region=region,
        bucket=stack.bucket,
        pipeline_role=stack.pipeline_role,
        job_role=stack.job_role,
        evaluation_role=stack.evaluation_role,
        pipeline_name=stack.pipeline_name,
        model_package_group=stack.model_package_group,
        offered=(("ModelApprovalStatus", STATUSES), ("ModelPackageGroupName", (stack.model_package_group,))),
        **{**suggested, **chosen},  # type: ignore[arg-type]
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(",") if part)
