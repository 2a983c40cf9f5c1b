"""The account that the rehearsal plays in: the local SageMaker and moto, with hosting and CloudFormation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from xml.sax.saxutils import escape

from pipeline.local.endpoint.identity import Form
from pipeline.local.endpoint.operations import Operation
from pipeline.local.state.local_aws import LocalAws
from pipeline.targets.aws.iam_evaluator import Request
from tests.pipeline.targets.aws.cloud.account import OURS, Cloud
from tests.rehearsal.asking import Ask
from tests.rehearsal.formation import Formation
from tests.rehearsal.hosting import Hosting
from tests.rehearsal.judge import Judge, as_resolved
from tests.scaling import SERVICE, Scaling

HOSTED = {
    f"{verb}{kind}" for kind in ("Endpoint", "EndpointConfig") for verb in ("Create", "Describe", "Delete")
} | {
    "UpdateEndpoint", "ListEndpoints", "ListEndpointConfigs", "ListTags", "SimulatePrincipalPolicy",
    "ListPipelines", "DeletePipeline", "ListModelPackages", "DeleteModelPackage", "ListTrainingJobs",
    "ListProcessingJobs", "UpdateModelPackage", "DescribeModelPackage",
}  # fmt: skip
DECISIONS = {True: "allowed", False: "implicitDeny"}


class Region(Cloud):
    """An account in which nothing is deployed yet. `judge` knows the policies of the stack, once there is one."""

    ours = frozenset(OURS | HOSTED | Scaling().operations().keys())

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "account")
        self.formation = Formation(self.client, LocalAws.ACCOUNT, LocalAws.REGION)
        self.hosting = Hosting(
            self.client, lambda: self.server.engine.resources, lambda: self.environment, folder / "serving"
        )
        self.scaling = Scaling(self.hosting.endpoints.__contains__)
        self.hosting.scales = lambda name: self.scaling.limits(name) is not None
        self.formation.deleted_packages = self.hosting.deleted
        self.prices["ml.m5.large", "Hosting"] = 0.5
        self.judge: Judge | None = None

    def operations(self) -> dict[tuple[str, str], Operation]:
        scaling = {(SERVICE, name): answer for name, answer in self.scaling.operations().items()}
        return {**super().operations(), **self.hosting.operations(), **scaling}

    def forms(self) -> dict[tuple[str, str], Callable[[Form], str]]:
        return {**super().forms(), ("iam", "SimulatePrincipalPolicy"): self.simulate}

    def deploy(self) -> None:
        """Nothing: `python -m infra deploy` does."""
        self.client("iam").create_account_alias(AccountAlias="the-fashion-house")

    def describe_stacks(self) -> str:
        stack = self.formation.stack
        self.outputs = {} if stack is None else self.formation.outputs(stack)
        return super().describe_stacks()

    def simulate(self, form: Form) -> str:
        """What IAM's own simulation says of a role's policies."""
        assert self.judge is not None
        entries = (f"ContextEntries.member.{number}" for number in range(1, 20))
        context = {
            form[f"{entry}.ContextKeyName"]: form[f"{entry}.ContextKeyValues.member.1"]
            for entry in entries
            if f"{entry}.ContextKeyName" in form
        }
        action, resource = form["ActionNames.member.1"], form["ResourceArns.member.1"]
        asked = as_resolved([resource, context, form["PolicySourceArn"]], LocalAws.ACCOUNT)
        ask = Ask("", asked[2].rpartition("/")[2], Request(action, asked[0], asked[1]))
        decision = DECISIONS[self.judge.refusal(ask) is None]
        return (
            f"<IsTruncated>false</IsTruncated><EvaluationResults><member><EvalActionName>{escape(action)}"
            f"</EvalActionName><EvalDecision>{decision}</EvalDecision><EvalResourceName>{escape(resource)}"
            "</EvalResourceName></member></EvaluationResults>"
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hosting.close()
        super().__exit__(kind, error, trace)
