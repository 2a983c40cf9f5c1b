"""`destroy`: deletes the stack, and with --delete-data what people put into its resources."""

from __future__ import annotations

from collections.abc import Mapping

from infra.aws import Aws
from infra.deploying import LOG_GROUPS
from infra.failure import explain
from infra.holdings import Holdings
from infra.stack import InfraError, Stack, StackState
from infra.talk import Talk
from infra.template_store import bucket_name, remove_templates
from pipeline.errors import UsageError

ATTEMPTS = 4
"""S3 delivers access logs for hours: a log bucket that was emptied may fill again before it is deleted."""
STILL_USED = ("has dependencies", "has a dependent object", "DependencyViolation", "is currently in use")
"""Of subnets and security groups: the network interfaces of jobs that have ended go some minutes later."""
WAIT_SECONDS = 120.0


def destroy(aws: Aws, stack: Stack, *, delete_data: bool, certain: bool, talk: Talk) -> int:
    """Asks for the stack's name unless `certain`, and deletes the stack; returns the exit status.

    Raises:
        InfraError: the stack's resources hold data and `delete_data` is not set; or deleting failed.
        UsageError: there is nobody to ask.
    """
    state = stack.state()
    if state is None:
        talk.say(f"There is no stack {stack.name} in {aws}.")
        return 0
    if not state.settled and state.status != "REVIEW_IN_PROGRESS":
        raise InfraError(
            f"Cannot delete the stack {stack.name} while it is {state.status}. Watch it: python -m infra "
            "status"
        )
    names = stack.physical_names(state.id)
    if lost := everybodys_logs(stack, names):
        raise InfraError(
            f"Could not delete the stack {stack.name}: in the version that is deployed, {', '.join(lost)} would go "
            "with it, and with them the logs of every SageMaker job of this account. Nothing was deleted. Deploy "
            "this version first, which keeps them: python -m infra deploy. Then run the same command again."
        )
    holdings = Holdings(aws, names, state.parameters.get("Project", stack.name), stack.sleep)
    held = holdings.describe()
    talk.show(f"The stack {stack.name} in {aws}: {len(names)} resources.")
    for line in held:
        talk.show(f"  {line}")
    if held and not delete_data:
        raise InfraError(
            f"Cannot delete the stack {stack.name}: resources hold what is listed. Nothing was deleted. To "
            "delete all of that too, for good: python -m infra destroy --delete-data"
        )
    if not certain:
        confirm(stack.name, lost=bool(held), talk=talk)
    if held:
        talk.say("Deleting what it holds …")
        holdings.delete(talk.say)
    delete_stack(stack, state, holdings if delete_data else None, talk)
    if held:
        holdings.delete_hosting(talk.say)
    if others := remove_templates(aws, stack.name):
        talk.say(
            f"The bucket {bucket_name(aws, stack.name)} stays: objects in it that are no templates: {others}."
        )
    if "Key" in names:
        talk.say(
            f"The key {names['Key']} is deleted in 30 days; until then, aws kms cancel-key-deletion brings it back."
        )
    return 0


def everybodys_logs(stack: Stack, names: Mapping[str, str]) -> list[str]:
    """SageMaker's own log groups that the deployed template would delete; templates before this version's did."""
    groups = {name: physical for name, physical in names.items() if physical in LOG_GROUPS}
    if not groups:
        return []
    resources = stack.template()["Resources"]
    return [
        physical for name, physical in groups.items() if resources[name].get("DeletionPolicy") != "Retain"
    ]


def confirm(name: str, *, lost: bool, talk: Talk) -> None:
    """Has the stack's name typed. Raises UsageError when something else is, or nobody is there."""
    if talk.ask is None:
        raise UsageError(
            f"Cannot delete the stack {name}: there is no terminal to ask at, and no --yes. Nothing was "
            "deleted."
        )
    what = "the stack and all the data above, for good" if lost else "the stack"
    answer = talk.ask(f"This deletes {what}. Type {name} to go on: ").strip()
    if answer != name:
        raise UsageError(f"The stack is named {name}, not {answer!r}. Nothing was deleted.")


def delete_stack(stack: Stack, state: StackState, refilled: Holdings | None, talk: Talk) -> None:
    """Deletes the stack and waits; empties buckets of `refilled` again when they kept it from going.

    Raises:
        InfraError: something would not go.
    """
    seen = {event.id for event in stack.events(state.id)}
    for _ in range(ATTEMPTS):
        old = set(seen)
        stack.delete(protected=state.protected)
        state = stack.follow(state.id, seen, talk.say)
        if state.status == "DELETE_COMPLETE":
            talk.say(f"The stack {stack.name} is deleted.")
            return
        reasons = explain(stack.events(state.id), old)
        if refilled is not None and "not empty" in reasons:
            refilled.empty_buckets()
        elif any(word in reasons for word in STILL_USED):
            talk.say("Something is still in use; trying again in two minutes …")
            stack.sleep(WAIT_SECONDS)
        else:
            break
    raise InfraError(
        f"Deleting the stack {stack.name} failed: it is {state.status}, because of\n{reasons}\nWhat is left "
        "is still in the stack: correct it, then run the same command again."
    )
