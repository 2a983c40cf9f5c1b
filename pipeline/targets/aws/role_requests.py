"""What a run will ask of its roles, known before anything is started: who does what to which resource. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.definition.parameters import NO_CHAMPION, PARAMETERS, Value
from pipeline.definition.settings import CAPTURED, PROJECT
from pipeline.targets.aws.account import Account
from pipeline.targets.aws.iam_evaluator import Request
from pipeline.targets.aws.images import repository_arn
from pipeline.targets.aws.stack import StackOutputs

DEFAULTS = {parameter.name: parameter.default for parameter in PARAMETERS}
PENDING = "PendingManualApproval"


@dataclass(frozen=True)
class RoleRequest:
    """`role`, an ARN, asks for something; `hint` is for who learns that it may not.

    `decisive`: the run fails without it.
    """

    role: str
    request: Request
    hint: str
    decisive: bool = True

    def __str__(self) -> str:
        """As the end of a sentence that begins with the role's name."""
        more = "".join(f", {key}={value}" for key, value in self.request.context.items())
        return f"{self.request.action} on {self.request.resource}{more}"


@dataclass(frozen=True)
class RunRequests:
    """The requests of a run with these parameter values and images, or of the `monitor`."""

    account: Account
    stack: StackOutputs
    values: Mapping[str, Value]
    images: Mapping[str, str | None] = field(default_factory=dict)
    monitor: bool = False

    def __iter__(self) -> Iterator[RoleRequest]:
        yield from self._jobs()
        yield from self._captured() if self.monitor else self._data()
        yield from self._images()
        yield from self._registry()

    def _sagemaker(self, resource: str) -> str:
        return f"arn:{self.account.partition}:sagemaker:{self.account.region}:{self.account.id}:{resource}"

    def _objects(self, bucket: str, key: str = "") -> str:
        return f"arn:{self.account.partition}:s3:::{bucket}" + (f"/{key}" if key else "")

    def _jobs(self) -> Iterator[RoleRequest]:
        stack, hint = self.stack, "Bring the stack up to date with: make infra-deploy"
        own = f"{PROJECT}/executions/preflight"
        to_sagemaker = {"iam:PassedToService": "sagemaker.amazonaws.com"}
        for kind, name in (("Training", "training-job"), ("Processing", "processing-job")):
            job = self._sagemaker(f"{name}/pipelines-preflight")
            yield RoleRequest(stack.pipeline_role, Request(f"sagemaker:Create{kind}Job", job), hint)
        for role in (stack.job_role, stack.evaluation_role):
            yield RoleRequest(stack.pipeline_role, Request("iam:PassRole", role, to_sagemaker), hint)
        for role, folder in ((stack.job_role, "models"), (stack.evaluation_role, "evaluation")):
            place = self._objects(stack.bucket, f"{own}/{folder}/file")
            yield RoleRequest(role, Request("s3:PutObject", place), hint)

    def _data(self) -> Iterator[RoleRequest]:
        uri = str(self.values.get("InputDataUri", f"s3://{self.stack.bucket}/{PROJECT}/raw/preflight"))
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        folder = key.rstrip("/")
        hint = (
            f"The jobs read s3://{self.stack.bucket}/{PROJECT}/raw/ alone: leave InputDataUri out and name a "
            "folder of this machine with --data DIR, which is uploaded there, or copy the data there."
        )
        image_file = Request("s3:GetObject", self._objects(bucket, f"{folder}/train-images-idx3-ubyte.gz"))
        listing = Request("s3:ListBucket", self._objects(bucket), {"s3:prefix": f"{folder}/"})
        yield RoleRequest(self.stack.job_role, image_file, hint)
        yield RoleRequest(self.stack.job_role, listing, hint)

    def _captured(self) -> Iterator[RoleRequest]:
        hint = "Bring the stack up to date with: make infra-deploy"
        bucket, own = self.stack.bucket, f"{PROJECT}/executions/preflight"
        file = f"{PROJECT}/{CAPTURED}/model-version-1/preflight.jsonl"
        for action, key in (
            ("s3:GetObject", file),
            ("s3:GetObject", f"{own}/evaluation/baseline.json"),
            ("s3:PutObject", f"{own}/monitoring/drift.json"),
        ):
            yield RoleRequest(self.stack.evaluation_role, Request(action, self._objects(bucket, key)), hint)
        verdict = Request("s3:GetObject", self._objects(bucket, f"{own}/monitoring/drift.json"))
        yield RoleRequest(self.stack.pipeline_role, verdict, hint)

    def _images(self) -> Iterator[RoleRequest]:
        stack = self.stack
        pulling = {
            "TrainingImageUri": (stack.job_role,),
            "ProcessingImageUri": (stack.job_role, stack.evaluation_role),
        }
        for parameter, uri in self.images.items():
            arn = repository_arn(uri, self.account.partition) if uri is not None else None
            if arn is None:
                continue  # check_images says what is wrong with it
            hint = (
                "The roles pull AWS's TensorFlow images and those of the stack's own repository: push it there "
                f"(make infra-deploy ARGS='--param CreateRepository=true'), or leave {parameter} out."
            )
            for role in pulling[parameter]:
                yield RoleRequest(role, Request("ecr:BatchGetImage", arn), hint)

    def _registry(self) -> Iterator[RoleRequest]:
        own, role = self.stack.model_package_group, self.stack.evaluation_role
        group = str(self.values.get("ModelPackageGroupName", own))
        status = str(self.values.get("ModelApprovalStatus", DEFAULTS["ModelApprovalStatus"]))
        into_another = f"The stack's role registers only in {own}: leave ModelPackageGroupName out."
        approved = (
            "No job approves models: leave ModelApprovalStatus out, and approve what is registered with python -m "
            "pipeline registry approve VERSION --target sagemaker."
        )
        for name, wanted, hint in ((group, PENDING, into_another), (own, status, approved)):
            request = Request(
                "sagemaker:CreateModelPackage",
                self._sagemaker(f"model-package/{name}/1"),
                {"sagemaker:ModelApprovalStatus": wanted},
            )
            yield RoleRequest(role, request, hint)
        champion = str(self.values.get("ChampionModelPackage", NO_CHAMPION))
        if champion != NO_CHAMPION:
            hint = f"It decides nothing then. Name a version of {own}, or leave ChampionModelPackage out."
            yield RoleRequest(role, Request("sagemaker:DescribeModelPackage", champion), hint, decisive=False)
