"""Parameters: what each accepts and what it refuses, and how long things are kept."""

from __future__ import annotations

import json
import re

from infra.resolving import ACCOUNT, ResolvedStack
from tests.infra.security.properties import Problems, must

# What each parameter accepts and what it refuses; a pattern that accepts anything refuses nothing.
HOSTILE = (
    "*",
    "${AccountId}",
    "a b",
    "x\ny",
    '"',
    "../..",
    "arn:aws:iam::*:root",
    "https://evil.example",
    "a" * 300,
)
ACCEPTED: dict[str, tuple[str, ...]] = {
    "Project": ("fashion-mnist", "abc", "a" * 24),
    "DeployerPrincipalArn": (
        "",
        f"arn:aws:iam::{ACCOUNT}:role/ci",
        f"arn:aws-cn:iam::{ACCOUNT}:user/team/me@x",
    ),
    "GitHubRepository": ("", "owner/name", "Some-Org/repo.name_1"),
    "GitHubSubject": ("ref:refs/heads/main", "ref:refs/tags/v1.0", "environment:production"),
    "GitHubOidcProviderArn": (
        "",
        f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    ),
    "NotificationEmail": ("", "somebody@example.com"),
    "Schedule": ("", "cron(0 6 ? * MON *)", "rate(7 days)"),
    "MonitorSchedule": ("", "cron(0 6 * * ? *)", "rate(1 day)"),
    "UploadFolder": ("", "incoming", "2026-11_a"),
    "EndpointInstanceType": ("", "ml.m5.large", "ml.g5.12xlarge"),
    "ZoneA": ("", "us-east-1a", "us-gov-west-1b"),
    "ZoneB": ("", "eu-central-1c"),
    "PermissionsBoundaryArn": ("", f"arn:aws:iam::{ACCOUNT}:policy/boundary", "arn:aws:iam::aws:policy/x/Y"),
    "ReaderAccountId": ("", ACCOUNT),
    "ModelsProject": ("", "fashion-mnist-staging"),
    "ModelsAccountId": ("", ACCOUNT),
    "ModelsKeyId": ("", "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"),
}
REFUSED_TOO: dict[str, tuple[str, ...]] = {
    "Project": ("", "-a", "a-", "A", "a" * 25, "a_b", "ab.c"),
    "DeployerPrincipalArn": (
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:role/*",
        "arn:aws:sts::1:x",
    ),
    "GitHubRepository": ("owner", "owner/*", "owner/name/more", "/name"),
    "GitHubSubject": ("", "ref:refs/heads/*", "pull_request", "environment:*", "repo:a/b"),
    "GitHubOidcProviderArn": (f"arn:aws:iam::{ACCOUNT}:oidc-provider/evil.example",),
    "NotificationEmail": ("somebody", "a@b", "@example.com"),
    "Schedule": ("daily", "rate()", "0 6 * * *"),
    "MonitorSchedule": ("daily", "rate()", "0 6 * * *"),
    "UploadFolder": ("a/b", "-a", "a.b"),
    "EndpointInstanceType": ("m5.large", "ml.", "ml.M5"),
    "ZoneA": ("us-east-1", "a"),
    "ZoneB": ("us-east-1", "a"),
    "PermissionsBoundaryArn": (f"arn:aws:iam::{ACCOUNT}:role/x", "boundary"),
    "ReaderAccountId": ("12345678901", "1234567890123", f"arn:aws:iam::{ACCOUNT}:root"),
    "ModelsProject": ("-a", "A", "a" * 25, "a/b"),
    "ModelsAccountId": ("12345678901", "1234567890123"),
    "ModelsKeyId": ("alias/x", "0a1b", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/x"),
}


@must
def parameters_accept_what_they_are_for_and_nothing_else(stack: ResolvedStack) -> Problems:
    for name, parameter in stack.template["Parameters"].items():
        if parameter["Type"] == "Number":
            bounds = parameter.get("AllowedValues") or parameter.get("MinValue")
            if bounds is None:
                yield f"{name} takes any number"
            continue
        if "AllowedValues" in parameter:
            if parameter["AllowedValues"] != ["true", "false"]:
                yield f"{name} takes {parameter['AllowedValues']}"
            continue
        pattern = parameter.get("AllowedPattern", "[^$]*")
        for value in ACCEPTED.get(name, ()):
            if not re.fullmatch(pattern, value):
                yield f"{name} refuses {value!r}"
        for value in (*HOSTILE, *REFUSED_TOO.get(name, ())):
            if re.fullmatch(pattern, value):
                yield f"{name} takes {value!r}"
        if name not in ACCEPTED:
            yield f"nobody has said what {name} takes"


DAYS = {"checkpoints": (7, 90), "old versions": (7, 90), "unfinished uploads": (1, 14)}


@must
def nothing_is_forgotten_too_early_or_kept_too_long(stack: ResolvedStack) -> Problems:
    for rule in stack.properties("Bucket")["LifecycleConfiguration"]["Rules"]:
        found = {
            "checkpoints": rule.get("ExpirationInDays"),
            "old versions": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
            "unfinished uploads": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        }
        for what, days in found.items():
            least, most = DAYS[what]
            if days is not None and not least <= int(days) <= most:
                yield f"{what} go after {days} days"
    retention = stack.template["Parameters"]["LogRetentionDays"]
    if min(retention["AllowedValues"]) < 7 or not 30 <= int(retention["Default"]) <= 400:
        yield f"logs are kept for {retention}"
    for name, group in stack.of_type("AWS::Logs::LogGroup").items():
        if str(group["RetentionInDays"]) != str(retention["Default"]):
            yield f"{name} is kept for {group['RetentionInDays']} days, whatever the parameter says"
    (logs,) = stack.properties("LogBucket")["LifecycleConfiguration"]["Rules"]
    if str(logs["ExpirationInDays"]) != str(retention["Default"]):
        yield f"access logs are kept for {logs['ExpirationInDays']} days"
    for properties in stack.of_type("AWS::ECR::Repository").values():
        rules = json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        kept = {rule["selection"]["countType"]: int(rule["selection"]["countNumber"]) for rule in rules}
        if not (
            7 <= kept.get("sinceImagePushed", 0) <= 90 and 10 <= kept.get("imageCountMoreThan", 0) <= 100
        ):
            yield f"images are forgotten by {kept}"
