"""Why an operation on the stack failed: the events that say so, and the likely remedy."""

from __future__ import annotations

from collections.abc import Sequence

from infra.stack import STACK, Event

# What CloudFormation's reasons contain, and what to do about it.
REMEDIES = (
    (
        "already exists",
        "Something of that name was made elsewhere: remove it, or choose other names with --param Project=NAME.",
    ),
    ("is not authorized", "These credentials lack that permission: ask an administrator of the account."),
    ("AccessDenied", "These credentials lack that permission: ask an administrator of the account."),
    (
        "LimitExceeded",
        "A quota of the account is used up: ask for more under Service Quotas.",
    ),
    ("not empty", "It holds data. Delete that too with: python -m infra destroy --delete-data"),
    (
        "EntityAlreadyExists",
        "For GitHub, name what is there with --param GitHubOidcProviderArn=ARN.",
    ),
)
# What CloudFormation says of resources that it gave up because of another one.
CONSEQUENCES = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")


def explain(events: Sequence[Event], old: set[str]) -> str:
    """The failed events that are not in `old`, oldest first, as indented lines, with remedies."""
    failed = [
        event
        for event in events
        if event.id not in old
        and event.status.endswith("_FAILED")
        and not event.reason.startswith(CONSEQUENCES)
        and event.kind != STACK
    ]
    lines = [f"  {event.resource} ({event.kind}) {event.status}: {event.reason}" for event in failed]
    remedies = {remedy for event in failed for part, remedy in REMEDIES if part in event.reason}
    return "\n".join(lines + sorted(remedies)) or "  CloudFormation's events name no resource."
