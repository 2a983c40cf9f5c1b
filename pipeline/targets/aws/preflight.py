"""Checks everything that a run on AWS needs before anything is uploaded or paid for; tells all that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.definition.parameters import Value
from pipeline.errors import AwsError, PreflightFailed, UsageError
from pipeline.formatting import plural
from pipeline.targets.aws.account import Account
from pipeline.targets.aws.aws_errors import AWS_ERRORS, is_forbidden, is_missing
from pipeline.targets.aws.images import VERSION, image_fault
from pipeline.targets.aws.plan import MONITOR_STEP, Job
from pipeline.targets.aws.quotas import needs, read_quotas, shortages
from pipeline.targets.aws.role_policies import RolePolicies
from pipeline.targets.aws.role_requests import RoleRequest, RunRequests
from pipeline.targets.aws.stack import DEPLOY, StackOutputs, read_stack

Verdict = Literal["good", "poor", "wrong", "unknown"]
MARKS: Mapping[Verdict, str] = {"good": "✓", "poor": "!", "wrong": "✗", "unknown": "?"}
TRUSTED = "sagemaker.amazonaws.com"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    `poor` is good enough to start; `unknown`: these credentials may not look, and it can be right all the same.
    """

    verdict: Verdict
    what: str
    hint: str = ""

    def lines(self) -> list[str]:
        """For the terminal."""
        first = f"  {MARKS[self.verdict]} {self.what}"
        return [first, f"      {self.hint}"] if self.hint else [first]


def find_stack(account: Account, name: str) -> tuple[StackOutputs | None, Finding]:
    """The stack's outputs, or why there are none."""
    try:
        stack = read_stack(account.client("cloudformation"), name)
    except (UsageError, AwsError) as error:
        return None, Finding("wrong", str(error))
    return stack, Finding("good", f"stack: {name}")


def check_account(
    account: Account,
    stack: StackOutputs | None,
    jobs: Collection[Job],
    images: Mapping[str, str | None],
    parallel: int | None,
    values: Mapping[str, Value],
    kms_key: str = "",
) -> list[Finding]:
    """The findings about roles, bucket, registry, images and quotas, checked side by side.

    Without a stack those that need none. `images` are URIs by parameter, None where AWS has no such image; `values`
    are the parameters that were given, `kms_key` the key.
    """
    checks: list[Callable[[], list[Finding]]] = [
        lambda: check_images(account, images),
        lambda: check_quotas(account, jobs, parallel),
    ]
    of_stack: list[Callable[[], list[Finding]]] = []
    if stack is not None:
        of_stack = [
            lambda: check_roles(account, stack),
            lambda: check_bucket(account, stack),
            lambda: check_key(stack, kms_key),
            lambda: check_group(account, str(values.get("ModelPackageGroupName", stack.model_package_group))),
        ]
    with ThreadPoolExecutor(len(checks) + len(of_stack)) as pool:
        found = list(pool.map(lambda check: check(), [*checks, *of_stack]))
    # What a role may do with something that is not there would say nothing more.
    whole = all(each.verdict != "wrong" for one in found[len(checks) :] for each in one)
    if stack is not None and whole:
        monitor = any(job.step == MONITOR_STEP for job in jobs)
        found.append(check_requests(account, list(RunRequests(account, stack, values, images, monitor))))
    return [each for one in found for each in one]


def require_all(findings: Collection[Finding], say: Callable[[str], None]) -> None:
    """Says what was found. Raises PreflightFailed, which holds all that is wrong, unless nothing is."""
    wrong = [finding for finding in findings if finding.verdict == "wrong"]
    for finding in findings:
        if finding.verdict != "wrong":
            for line in finding.lines():
                say(line)
    if wrong:
        listing = "\n".join(line for finding in wrong for line in finding.lines())
        raise PreflightFailed(
            f"Preflight failed: {len(wrong)} {'check' if len(wrong) == 1 else 'checks'}; nothing was "
            f"started:\n{listing}"
        )


def check_roles(account: Account, stack: StackOutputs) -> list[Finding]:
    """Whether the three roles exist and SageMaker may take them."""
    found = []
    roles = {"pipeline": stack.pipeline_role, "jobs": stack.job_role, "evaluation": stack.evaluation_role}
    for purpose, arn in roles.items():
        name = arn.rpartition("/")[2]
        what = f"role of the {purpose}: {name}"
        try:
            role = account.client("iam").get_role(RoleName=name)["Role"]
        except AWS_ERRORS as error:
            found.append(_not_seen(error, what, f"Somebody deleted it. {DEPLOY}"))
            continue
        if TRUSTED in json.dumps(role.get("AssumeRolePolicyDocument", {})):
            found.append(Finding("good", what))
        else:
            found.append(
                Finding("wrong", f"{what} cannot be assumed by {TRUSTED}", f"Repair it with: {DEPLOY}")
            )
    return found


def check_requests(account: Account, asked: Collection[RoleRequest]) -> list[Finding]:
    """Whether the roles may do what the run will ask of them: it would fail with the money spent."""
    policies = RolePolicies(account.client("iam"))
    found: list[Finding] = []
    for each in asked:
        name = each.role.rpartition("/")[2]
        try:
            decision = policies.decide(each.role, each.request)
        except AWS_ERRORS as error:
            return [*found, _not_looked(error, "what the roles may do")]
        except NotImplementedError as error:
            return [*found, Finding("unknown", f"what the roles may do: not checked ({error})")]
        if decision != "allowed":
            verdict: Verdict = "wrong" if each.decisive else "poor"
            found.append(Finding(verdict, f"role {name} may not: {each}", each.hint))
    return found or [
        Finding("good", f"roles may do what this run asks of them ({plural(len(asked), 'request')})")
    ]


def check_key(stack: StackOutputs, key: str) -> list[Finding]:
    """Whether the bucket takes what is written under the key that was chosen."""
    if key in ("", stack.key):
        return []
    own = f"objects encrypted with the stack's own key, {stack.key}"
    what = f"key: {key}: the bucket {stack.bucket} accepts only {own}"
    return [Finding("wrong", what, "Leave --kms-key out: the stack's key is used anyway.")]


def check_bucket(account: Account, stack: StackOutputs) -> list[Finding]:
    """Whether the bucket exists, is this account's, and lies in this region."""
    what = f"bucket: {stack.bucket}"
    try:
        answer = account.client("s3").head_bucket(Bucket=stack.bucket, ExpectedBucketOwner=account.id)
    except AWS_ERRORS as error:
        return [_not_seen(error, what, f"Somebody deleted it. {DEPLOY}", "NoSuchBucket")]
    region = answer.get("BucketRegion", account.region)
    if region != account.region:
        return [
            Finding(
                "wrong",
                f"{what} lies in {region}, not in {account.region}",
                f"Set AWS_REGION={region}, or deploy here: make infra-deploy",
            )
        ]
    return [Finding("good", what)]


def check_group(account: Account, group: str) -> list[Finding]:
    """Whether the model package group exists, into which the winner goes."""
    what = f"model package group: {group}"
    try:
        account.client("sagemaker").describe_model_package_group(ModelPackageGroupName=group)
    except AWS_ERRORS as error:
        return [_not_seen(error, what, DEPLOY)]
    return [Finding("good", what)]


def check_images(account: Account, images: Mapping[str, str | None]) -> list[Finding]:
    """Whether the containers can be pulled."""
    return [check_image(account, parameter, uri) for parameter, uri in images.items()]


def check_image(account: Account, parameter: str, uri: str | None) -> Finding:
    """Whether the container that the parameter names can be pulled."""
    hint = f"Name one that is there: --param {parameter}=ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG"
    if uri is None:
        none = f"image: AWS has no TensorFlow {VERSION} container in {account.region}"
        return Finding("wrong", none, hint)
    what = f"image: {uri.rpartition('/')[2]}"
    try:
        fault = image_fault(account.client("ecr"), uri)
    except AWS_ERRORS as error:
        return _not_looked(error, what)
    return Finding("good", what) if fault is None else Finding("wrong", f"image: {fault}", hint)


def check_quotas(account: Account, jobs: Collection[Job], parallel: int | None) -> list[Finding]:
    """Whether the account may have as many instances as the jobs want at once."""
    needed = needs(jobs, parallel)
    try:
        quotas = read_quotas(account.client("service-quotas"), needed)
    except AWS_ERRORS as error:
        return [_not_looked(error, "service quotas")]
    short = shortages(needed, quotas, account.region)
    found = [
        Finding("wrong" if hopeless else "poor", f"quota: {what}", hint) for hopeless, what, hint in short
    ]
    for name, need in needed.items():
        if name not in quotas:
            found.append(
                Finding(
                    "unknown",
                    f"quota: {name}: not listed for this account; {need.at_once} are wanted at once",
                )
            )
        elif quotas[name].value >= need.at_once:
            found.append(Finding("good", f"quota: {name}: {quotas[name].value:g}, wanted {need.at_once}"))
    return found


def _not_seen(error: Exception, what: str, hint: str, *codes: str) -> Finding:
    """The finding for something that could not be described."""
    if is_missing(error, *codes):
        return Finding("wrong", f"{what}: there is none", hint)
    return _not_looked(error, what)


def _not_looked(error: Any, what: str) -> Finding:
    why = "these credentials may not look" if is_forbidden(error) else str(error)
    return Finding("unknown", f"{what}: not checked ({why})")
