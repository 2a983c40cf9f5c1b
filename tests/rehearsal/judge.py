"""Decides an ask by all the policies that the stack makes: of roles, buckets, the key, topics and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from infra.resolving import ACCOUNT, ResolvedStack
from pipeline.targets.aws.iam_evaluator import Request, decide, matches
from tests.infra.requests_of_roles import identity_statements
from tests.infra.security.properties import resource_policies, trust_policies
from tests.rehearsal.asking import ADMINISTRATOR, ROLE, Ask

Statement = dict[str, Any]
# As every client here asks.
MODERN = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "aws:PrincipalAccount": ACCOUNT}
# As AWS's ids of keys are; infra.resolving calls it by its logical name.
KEY_ID = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"


class Judge:
    """Knows the policies of one resolved stack."""

    def __init__(self, stack: ResolvedStack) -> None:
        self._stack = stack
        self._of_resources = dict(resource_policies(stack))
        self._trust = dict(trust_policies(stack))
        self._identity: dict[str, list[Statement]] = {}

    def complaint(self, ask: Ask) -> str | None:
        """What is wrong, in a sentence; None when the ask is decided as it must be."""
        why = self.refusal(ask)
        if ask.wanted and why is not None:
            return f"{ask.act}: {ask}, and is refused: {why}."
        if not ask.wanted and why is None:
            return f"{ask.act}: {ask}, and is let through."
        return None

    def refusal(self, ask: Ask) -> str | None:
        """Why the ask is refused; None when it is allowed."""
        is_service = ask.who.endswith(".amazonaws.com")
        who = ask.who if is_service else f"{ROLE}/{ask.who}"
        request = replace(ask.request, principal=who, context={**MODERN, **ask.request.context})
        allowed = False
        for name, statements in self._about(request):
            for each in statements:
                if matches(each, request):
                    if each["Effect"] == "Deny":
                        return f"{name} denies it ({each.get('Sid', 'a statement')})"
                    # A policy that lets the account in leaves it to the roles' own.
                    allowed = allowed or is_service or name == "the role's trust"
        if is_service:
            return None if allowed else "no policy of the resource lets this service in"
        if request.action.startswith("kms:") and not self._key_delegates(request):
            return "the key's policy does not leave it to the account's roles"
        if ask.who == ADMINISTRATOR:
            return None
        return self._by_identity(ask.who, request)

    def _by_identity(self, role: str, request: Request) -> str | None:
        if role not in self._identity:
            self._identity[role] = identity_statements(self._stack, role)
        decision = decide(self._identity[role], request)
        if decision == "denied":
            denying = [each for each in self._identity[role] if each["Effect"] == "Deny"]
            sids = [str(each.get("Sid")) for each in denying if matches(each, request)]
            return f"the role's policies deny it ({', '.join(sids)})"
        return None if decision == "allowed" else "no policy of the role allows it"

    def _key_delegates(self, request: Request) -> bool:
        return decide(self._of_resources.get("Key", []), request) == "allowed"

    def _about(self, request: Request) -> Iterator[tuple[str, list[Statement]]]:
        """The policies of what is asked about, by name."""
        action, resource = request.action, request.resource
        if action == "sts:AssumeRole":
            yield "the role's trust", self._trust.get(resource.rpartition("/")[2], [])
        for name, statements in self._of_resources.items():
            kind = self._stack.resources[name]["Type"]
            # A policy of a network's endpoint is about requests out of that network.
            if kind != "AWS::EC2::VPCEndpoint" and (kind == "AWS::KMS::Key") == action.startswith("kms:"):
                yield name, statements
        if action == "lambda:InvokeFunction":
            yield "the function's permissions", list(self._function_permissions())

    def _function_permissions(self) -> Iterator[Statement]:
        for properties in self._stack.of_type("AWS::Lambda::Permission").values():
            name = self._stack.properties("DeployFunction").get("FunctionName", "")
            condition = (
                {"ArnLike": {"aws:SourceArn": properties["SourceArn"]}} if "SourceArn" in properties else {}
            )
            yield {
                "Effect": "Allow",
                "Principal": {"Service": properties["Principal"]},
                "Action": properties["Action"],
                "Resource": f"arn:aws:lambda:*:*:function:{name}",
                "Condition": condition,
            }


def translated(text: str, here: str) -> str:
    """`text` with names of the stand-ins in the place of those of infra.resolving."""
    return text.replace(ACCOUNT, here).replace(":key/Key", f":key/{KEY_ID}")


def as_resolved(value: Any, here: str) -> Any:
    """A JSON value with names of infra.resolving in the place of those of the stand-ins."""
    text = json.dumps(value, default=str)
    return json.loads(text.replace(here, ACCOUNT).replace(KEY_ID, "Key"))
