"""`plan` and `deploy`: shows what would change, asks, and changes it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping

from infra.aws import Aws
from infra.change_set import ChangeSet
from infra.failure import explain
from infra.stack import DONE, InfraError, Stack, StackState
from infra.subscribers import tell_of_subscribers
from infra.talk import Talk
from infra.template_store import send_template
from pipeline.definition.settings import PROJECT
from pipeline.errors import UsageError

LOG_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")

# What a stack's status forbids, and the way out of it.
WAYS_OUT = {
    "ROLLBACK_COMPLETE": "Its first deployment failed. Remove what is left: python -m infra destroy",
    "CREATE_FAILED": "Its first deployment failed. Remove what is left: python -m infra destroy",
    "ROLLBACK_FAILED": "Its first deployment failed. Remove what is left: python -m infra destroy",
    "DELETE_FAILED": "Deleting it was not finished. Go on with: python -m infra destroy",
    "UPDATE_ROLLBACK_FAILED": "Continue the rollback in CloudFormation's console, then run the same command again.",
}


def parse_assignments(words: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` texts by name. Raises UsageError for anything else, and for a name that comes twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name or name in found:
            raise UsageError(
                f"--param must be NAME=VALUE, each name once, unlike {word!r}. For example: --param "
                "CreateVpc=true"
            )
        found[name] = value
    return found


def deploy(
    aws: Aws, stack: Stack, template: str, parameters: Mapping[str, str], *, certain: bool, talk: Talk
) -> int:
    """Plans, asks unless `certain`, and changes the stack; returns the exit status.

    With nobody to ask, the plan is shown and dropped.

    Raises:
        UsageError: a parameter that the template does not take.
        InfraError: the stack cannot be changed now, or changing it failed.
    """
    talk.say(f"Planning the stack {stack.name} in {aws}.")
    before = stack.state()
    check_state(stack.name, before)
    sent = send_template(aws, stack.name, template)
    change_set = stack.propose(
        sent,
        choose_parameters(aws, stack, before, sent, parameters, talk.say),
        {"project": stack.name},
    )
    if not change_set.changes:
        stack.discard(change_set)
        talk.show(f"The stack {stack.name} is up to date with the template: nothing to change.")
        tell_of_subscribers(aws, before.outputs if before is not None else {}, talk.say)
        return 0
    for line in change_set.lines():
        talk.show(line)
    if not certain:
        if talk.ask is None:
            stack.discard(change_set)
            talk.say("Nothing was changed. To deploy it: python -m infra deploy --yes")
            return 0
        if talk.ask("Deploy this? [y/N] ").strip().lower() not in ("y", "yes"):
            stack.discard(change_set)
            talk.say("Nothing was changed.")
            return 0
    outputs = carry_out(stack, change_set, talk)
    tell_of_subscribers(aws, outputs, talk.say)
    return 0


def carry_out(stack: Stack, change_set: ChangeSet, talk: Talk) -> dict[str, str]:
    """Executes the change set, follows it to its end, and returns the outputs. Raises InfraError when it fails."""
    seen = {event.id for event in stack.events(change_set.stack_id)}
    old = set(seen)
    stack.execute(change_set)
    state = stack.follow(change_set.stack_id, seen, talk.say)
    if state.status not in DONE:
        why = explain(stack.events(change_set.stack_id), old)
        left = state.reason
        if state.status == "UPDATE_ROLLBACK_COMPLETE":
            left = "It is as it was before."
        elif change_set.creates and state.status == "ROLLBACK_COMPLETE":
            # An empty shell that can only be deleted.
            stack.delete(protected=False)
            stack.follow(change_set.stack_id, seen, lambda _: None)
            left = "Nothing of it is left."
        raise InfraError(
            f"Deploying the stack {stack.name} failed: it is {state.status}, because of\n{why}\n{left}"
        )
    stack.protect()
    for name, value in sorted(state.outputs.items()):
        talk.show(f"{name:<22} {value}")
    talk.say(f"The stack {stack.name} is {state.status}, and protected from being deleted by mistake.")
    return state.outputs


def check_state(name: str, state: StackState | None) -> None:
    """Raises InfraError when the stack cannot be changed as it is."""
    if state is None or state.status == "REVIEW_IN_PROGRESS":
        return
    if not state.settled:
        hint = "Another operation is going on. Watch it: python -m infra status"
    elif state.status in WAYS_OUT:
        hint = WAYS_OUT[state.status]
    else:
        return
    raise InfraError(f"The stack {name} cannot be changed while it is {state.status}. {hint}")


def choose_parameters(
    aws: Aws,
    stack: Stack,
    before: StackState | None,
    template: Mapping[str, str],
    given: Mapping[str, str],
    say: Callable[[str], None],
) -> dict[str, str | None]:
    """The parameters to propose: those given, and None (stays as it is) for those that the stack has.

    Raises:
        UsageError: a name that the template does not declare.
    """
    declared = stack.declared_parameters(template)
    for name in given:
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            raise UsageError(
                f"The stack has no parameter {name}, only {', '.join(sorted(declared))}."
                + (f" Did you mean {near[0]}?" if near else "")
            )
    kept = before.parameters if before is not None and before.status != "REVIEW_IN_PROGRESS" else {}
    chosen: dict[str, str | None] = {name: None for name in declared if name in kept}
    if (
        "CreateLogGroups" not in kept
        and "CreateLogGroups" in declared
        and (there := existing_log_groups(aws))
    ):
        say(
            f"Log groups that are there already stay as they are: {', '.join(there)}. They may keep logs forever; "
            f"to change that: aws logs put-retention-policy --log-group-name {there[0]} --retention-in-days 90"
        )
        chosen["CreateLogGroups"] = "false"
    if stack.name != PROJECT and "Project" in declared and "Project" not in kept:
        chosen["Project"] = stack.name  # or two stacks of an account would have the same names
    return {**chosen, **given}


def existing_log_groups(aws: Aws) -> list[str]:
    """Which of SageMaker's log groups the account has in this region: it makes them with its first job."""
    pages = (
        aws.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/sagemaker/")
    )
    names = {each["logGroupName"] for page in pages for each in page["logGroups"]}
    return [name for name in LOG_GROUPS if name in names]
