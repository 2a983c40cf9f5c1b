"""`status`: what the stack is now, and why its last operation failed if it did."""

from __future__ import annotations

from infra.aws import Aws
from infra.failure import explain
from infra.stack import DONE, STACK, Event, Stack, StackState
from infra.talk import Talk
from pipeline.printable import json_text


def status(aws: Aws, stack: Stack, *, as_json: bool, talk: Talk) -> int:
    """Shows it; returns 0 when the stack is deployed and as the last deployment wanted it, else 1."""
    state = stack.state()
    if as_json:
        talk.show(json_text(summary(aws, stack.name, state)))
    elif state is None:
        talk.show(f"There is no stack {stack.name} in {aws}. Make it: python -m infra deploy")
    else:
        talk.show(f"{stack.name} in {aws}")
        talk.show(f"{'status':<22} {state.status} {state.reason}".rstrip())
        talk.show(f"{'last change':<22} {state.updated}")
        talk.show(f"{'deletion protection':<22} {'on' if state.protected else 'off'}")
        for heading, values in (("parameters", state.parameters), ("outputs", state.outputs)):
            talk.show(f"{heading}:")
            for name, value in sorted(values.items()):
                talk.show(f"  {name:<22} {value}")
        if "FAILED" in state.status or "ROLLBACK" in state.status:
            talk.show(f"why:\n{explain(last_operation(stack, state), set())}")
    return 0 if state is not None and state.status in DONE else 1


def summary(aws: Aws, name: str, state: StackState | None) -> dict[str, object]:
    """What --json prints."""
    return {
        "stack": name,
        "account": aws.account,
        "region": aws.region,
        "status": None if state is None else state.status,
        "status_reason": "" if state is None else state.reason,
        "deletion_protection": state is not None and state.protected,
        "parameters": {} if state is None else state.parameters,
        "outputs": {} if state is None else state.outputs,
    }


def last_operation(stack: Stack, state: StackState) -> list[Event]:
    """The events since the user last asked for something: CloudFormation marks that on the stack itself."""
    events = stack.events(state.id)
    starts = [
        index
        for index, event in enumerate(events)
        if event.kind == STACK and event.reason == "User Initiated"
    ]
    return events[starts[-1] :] if starts else events
