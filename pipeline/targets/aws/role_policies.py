"""Whether a role may do something: by IAM's own simulation, or by its policies where simulating is not allowed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from pipeline.targets.aws.aws_errors import AWS_ERRORS
from pipeline.targets.aws.iam_evaluator import Decision, Request, Statement, as_list, decide

DECISIONS: dict[str, Decision] = {
    "allowed": "allowed",
    "explicitDeny": "denied",
    "implicitDeny": "not allowed",
}


class RolePolicies:
    """The policies of an account's roles, each read once. `iam` is a boto3 client."""

    def __init__(self, iam: Any) -> None:
        self._iam = iam
        self._simulates = True
        self._known: dict[str, list[Statement]] = {}

    def decide(self, role: str, request: Request) -> Decision:
        """What IAM says of the role, an ARN.

        Simulation knows boundaries and the organization's policies too; reading the role's policies does not.

        Raises:
            NotImplementedError: a policy has something that the evaluator does not know.
            botocore.exceptions.ClientError: these credentials may neither simulate nor read.
        """
        if self._simulates:
            try:
                return self._simulate(role, request)
            except AWS_ERRORS:
                self._simulates = False
        return decide(self.statements(role), request)

    def _simulate(self, role: str, request: Request) -> Decision:
        answer = self._iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=[request.action],
            ResourceArns=[request.resource],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for key, value in request.context.items()
            ],
        )
        return DECISIONS[answer["EvaluationResults"][0]["EvalDecision"]]

    def statements(self, role: str) -> list[Statement]:
        """The statements of a role's own policies and of those that are attached to it."""
        if role not in self._known:
            self._known[role] = [
                statement
                for document in self._documents(role)
                for statement in as_list(document["Statement"])
            ]
        return self._known[role]

    def _documents(self, role: str) -> list[dict[str, Any]]:
        iam, name = self._iam, role.rpartition("/")[2]
        found = []
        for page in iam.get_paginator("list_role_policies").paginate(RoleName=name):
            for policy in page["PolicyNames"]:
                found.append(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
        for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name):
            for attached in page["AttachedPolicies"]:
                policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
                version = iam.get_policy_version(
                    PolicyArn=attached["PolicyArn"], VersionId=policy["DefaultVersionId"]
                )
                found.append(version["PolicyVersion"]["Document"])
        return [as_document(document) for document in found]


def as_document(document: Any) -> dict[str, Any]:
    """A policy as an object: boto3 decodes IAM's documents, which are sent as URL-encoded JSON."""
    found: dict[str, Any] = json.loads(unquote(document)) if isinstance(document, str) else document
    return found
