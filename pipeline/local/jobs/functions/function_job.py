"""Runs a Lambda or Callback step: the user's function, in a process of its own, with its log, limit and stop.

A Lambda step's function gets its event (the arguments) and a context; a Callback step's the message that would
be in the queue, and what it returns is the answer to the message's token. What either raises is the step's failure.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.errors import StepFailed
from pipeline.local.jobs.functions.handler import Function
from pipeline.local.jobs.hosts import Host
from pipeline.local.jobs.job import Job, JobKind, Start
from pipeline.shown import listed, shown
from pipeline.spec.definition import Json
from pipeline.spec.step_types.output_parameters import outputs_of

# Developer guide, "Lambda step" and "Callback step": how long each may take.
_LAMBDA_SECONDS, _CALLBACK_SECONDS = 600, 7 * 86400
_DRIVER = Path(__file__).with_name("call_function.py")
_EVENT, _CONTEXT = "/opt/ml/input/config/event.json", "/opt/ml/input/config/context.json"
_ANSWER, _MESSAGE_FILE = "/opt/ml/output/answer.json", "/opt/ml/output/failure"


def run_lambda(job: Job) -> dict[str, Json]:
    """Call the function with the step's arguments and a context; returns its outputs.

    Raises:
        StepFailed: it raised, returned what the step does not declare, or ran too long.
        StepStopped: it was stopped.
    """
    function = _function(job)
    name = function.target.rpartition(":")[2] or job.name
    context = {
        "function_name": name,
        "invoked_function_arn": function.target,
        "aws_request_id": str(uuid.uuid5(uuid.NAMESPACE_URL, job.name)),
        "seconds": _LAMBDA_SECONDS,
    }
    job.hosts[0].write_config(_CONTEXT, context)
    return _run(job, function, job.request, [_CONTEXT], _LAMBDA_SECONDS)


def run_callback(job: Job) -> dict[str, Json]:
    """Call the function with the message of the queue; returns its outputs.

    Raises:
        StepFailed: it raised, returned what the step does not declare, or ran too long.
        StepStopped: it was stopped.
    """
    function = _function(job)
    # Developer guide, "Callback step": the message's body.
    message = {
        "token": str(uuid.uuid5(uuid.NAMESPACE_URL, job.name)),
        "pipelineExecutionArn": function.execution_arn,
        "arguments": job.request,
        "status": "Executing",
    }
    return _run(job, function, message, [], _CALLBACK_SECONDS)


def _function(job: Job) -> Function:
    assert job.function is not None, "handlers are assigned before anything runs"
    return job.function


def _run(
    job: Job, function: Function, event: Mapping[str, Json], more: list[str], seconds: int
) -> dict[str, Json]:
    host = job.hosts[0]
    job.log.say(f"calling {function.handler} in the place of {function.target or 'what the step calls'}")
    host.write_config(_EVENT, event)

    def start(host: Host) -> Start:
        files = [host.container.seen(path) for path in (_EVENT, _ANSWER, *more)]
        command = [host.python, str(_DRIVER), str(function.handler.file), function.handler.name, *files]
        return Start(command, "/", {})

    # The request is the user's own text: nothing of it is a time limit or an environment.
    limited = replace(job, request={"StoppingCondition": {"MaxRuntimeInSeconds": seconds}})
    limited.run(start, _MESSAGE_FILE)
    answer = json.loads(host.container.path(_ANSWER).read_text(encoding="utf-8"))
    # It may have registered a model.
    job.aws.persist_registry()
    return {"OutputParameters": read_outputs(function, answer)}


def read_outputs(function: Function, answer: Json) -> dict[str, Json]:
    """The outputs that the step declares, out of what its function returned.

    Raises:
        StepFailed: one is missing or of another type; the message names it.
    """
    declared = outputs_of(function.step)
    if not declared:
        return {}
    if not isinstance(answer, dict):
        raise StepFailed(
            f"{function.handler} must return an object with the outputs {listed(declared)}, not {shown(answer)}."
        )
    outputs = {}
    for name, kind in declared.items():
        if name not in answer:
            raise StepFailed(
                f"{function.handler} returned no {name!r}, which is in the OutputParameters of "
                f"{function.step.name}. It returned: {listed(answer)}."
            )
        outputs[name] = value = _converted(answer[name], kind)
        if value is None:
            raise StepFailed(
                f"{function.handler} returned {shown(answer[name])} for the output {name!r}, whose OutputType is "
                f"{kind}."
            )
    return outputs


def _converted(value: Json, kind: str) -> Json:
    """`value` as the OutputType `kind` has it, None when it is no such value."""
    if kind == "String":
        # SageMaker's own examples return the number 200 for a statusCode that is a String.
        return (
            value if isinstance(value, str) else json.dumps(value) if isinstance(value, int | float) else None
        )
    if kind == "Boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool):
        return None
    return value if isinstance(value, int if kind == "Integer" else int | float) else None


def _no_mounts(request: Mapping[str, Json]) -> tuple[str, ...]:
    return ()


def _one(request: Mapping[str, Json]) -> int:
    return 1


LAMBDA = JobKind(_no_mounts, _one, run_lambda)
CALLBACK = JobKind(_no_mounts, _one, run_callback)
