"""Every operation that this server answers, by service and name, and how one is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pipeline.errors import FashionError
from pipeline.local.endpoint import registry
from pipeline.local.endpoint.connection import MakeWay
from pipeline.local.endpoint.endpoint_configs import EndpointConfigs
from pipeline.local.endpoint.endpoints import Endpoints
from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.event_bus import EventBus
from pipeline.local.endpoint.event_rules import Rules
from pipeline.local.endpoint.event_schedules import Schedules
from pipeline.local.endpoint.event_targets import Targets
from pipeline.local.endpoint.executions import Executions
from pipeline.local.endpoint.job_index import KINDS, PROCESSING, TRAINING, TRANSFORM, JobIndex
from pipeline.local.endpoint.jobs import Jobs
from pipeline.local.endpoint.kept_logs import KeptLogs
from pipeline.local.endpoint.logs import Logs
from pipeline.local.endpoint.named import Models, Tags
from pipeline.local.endpoint.pipelines import Pipelines
from pipeline.local.endpoint.registry import RegistryCalls
from pipeline.local.endpoint.single_jobs import SingleJobs
from pipeline.local.endpoint.state_changes import StateChanges
from pipeline.local.endpoint.switches import Switches
from pipeline.local.endpoint.wire import (
    Request,
    ServiceError,
    model,
    operation_names,
    read_request,
    write_answer,
)

Operation = Callable[[Request], Mapping[str, Any]]
Operations = Mapping[tuple[str, str], Operation]
SERVICES = ("sagemaker", "logs", "events", "application-autoscaling")
_ANSWERED = "What it answers is in docs/local-sagemaker.md."
_CALLBACK = (
    "It sends no callback tokens: run a pipeline with a Callback step by python -m pipeline run --definition FILE "
    "--handler STEP=FILE:FUNCTION."
)
_ONE_BUS = "It has only the event bus default: leave EventBusName out, and tell events apart by their Source."
_ONE_PROCESS = "An endpoint here is one process, and does not scale: deploy without --max-instances."
# What to do in the place of what is not answered.
_INSTEAD = {
    **dict.fromkeys(("SendPipelineExecutionStepSuccess", "SendPipelineExecutionStepFailure"), _CALLBACK),
    "CreateEventBus": _ONE_BUS,
    **dict.fromkeys(("RegisterScalableTarget", "PutScalingPolicy"), _ONE_PROCESS),
}
_TAGGED = ("CreatePipeline", "CreateModel", "CreateEndpointConfig", "CreateEndpoint")
# The kinds of jobs that can be asked for by themselves.
_CREATED = (TRAINING, PROCESSING, TRANSFORM)


@dataclass(frozen=True)
class Answering:
    """The operations of the services of JSON that this server has, and the endpoints that can be invoked.

    `at_hand` says of some operations whether the answer to a request is in memory: it takes no time then.
    """

    operations: dict[tuple[str, str], Operation]
    endpoints: Endpoints
    at_hand: Mapping[tuple[str, str], Callable[[Request], bool]]


def all_operations(engine: Engine) -> Answering:
    """What answers on behalf of the engine. Made once for each."""
    resources, aws = engine.resources, engine.aws
    tags = Tags(resources)
    pipelines, models = Pipelines(aws, resources), Models(engine, resources)
    executions = Executions(engine, pipelines)
    index = JobIndex(engine)
    jobs = Jobs(engine.home, index)
    single = SingleJobs(engine, index, jobs)
    calls = RegistryCalls(aws, tags)
    configs = EndpointConfigs(engine, resources)
    endpoints = Endpoints(engine, resources, configs)
    kept = KeptLogs(engine.home, resources, endpoints.all)
    logs = Logs(engine.home, index, kept)
    rules = Rules(resources)
    bus = EventBus(rules, Targets(aws, kept, executions.start_pipeline_execution), engine.tell_user)
    changes = StateChanges(bus, jobs, tags)
    engine.tell, endpoints.changed = changes.execution_changed, changes.endpoint_changed
    aws.package_changed = changes.package_changed
    schedules = Schedules(rules, bus.fire)
    rules.changed = schedules.look
    schedules.look()
    engine.before_end(schedules.close)
    engine.before_end(endpoints.close)
    engine.before_end(bus.close)
    found: dict[str, Operation] = {
        **_named(
            pipelines, "CreatePipeline", "UpdatePipeline", "DescribePipeline", "ListPipelines", "DeletePipeline",
            "ListPipelineVersions", "UpdatePipelineVersion",
        ),
        **_named(
            executions, "StartPipelineExecution", "DescribePipelineExecution",
            "ListPipelineExecutions", "UpdatePipelineExecution", "StopPipelineExecution", "RetryPipelineExecution",
            "ListPipelineExecutionSteps", "ListPipelineParametersForExecution",
            "DescribePipelineDefinitionForExecution",
        ),
        **_named(models, "CreateModel", "DescribeModel", "ListModels", "DeleteModel"),
        **_named(
            configs, "CreateEndpointConfig", "DescribeEndpointConfig", "ListEndpointConfigs", "DeleteEndpointConfig"
        ),
        **_named(
            endpoints, "CreateEndpoint", "UpdateEndpoint", "DescribeEndpoint", "ListEndpoints", "DeleteEndpoint"
        ),
        **_named(tags, "AddTags", "ListTags", "DeleteTags"),
        **{name: partial(calls.ask, name) for name in (*registry.READING, *registry.CHANGING)},
        **{f"Describe{kind.api}": partial(jobs.describe, kind) for kind in KINDS},
        **{f"List{kind.api}s": partial(jobs.list, kind) for kind in KINDS},
        **{kind.create: partial(single.create, kind) for kind in _CREATED},
        **{f"Stop{kind.api}": partial(single.stop, kind) for kind in _CREATED},
    }  # fmt: skip
    for name in (*_TAGGED, *(kind.create for kind in _CREATED)):
        found[name] = _tagged(found[name], tags)
    streams = {
        **_named(logs, "DescribeLogGroups", "DescribeLogStreams", "GetLogEvents", "FilterLogEvents"),
        **_named(kept, "CreateLogGroup", "DeleteLogGroup"),
    }
    events = {
        **_named(
            rules, "PutRule", "DescribeRule", "ListRules", "EnableRule", "DisableRule", "DeleteRule", "PutTargets",
            "ListTargetsByRule", "RemoveTargets", "TestEventPattern",
        ),
        **_named(bus, "PutEvents"),
    }  # fmt: skip
    # deploy and undeploy ask whether an endpoint scales.
    scaling: dict[str, Operation] = {
        "DescribeScalableTargets": lambda _request: {"ScalableTargets": []},
        "DescribeScalingPolicies": lambda _request: {"ScalingPolicies": []},
    }
    operations = {
        **{("sagemaker", name): operation for name, operation in found.items()},
        **{("logs", name): operation for name, operation in streams.items()},
        **{("events", name): operation for name, operation in events.items()},
        **{("application-autoscaling", name): operation for name, operation in scaling.items()},
    }
    at_hand = {("sagemaker", "DescribePipelineExecution"): executions.is_at_hand}
    return Answering(operations, endpoints, at_hand)


def _named(owner: object, *names: str) -> dict[str, Operation]:
    """Methods by the names of the operations that they are called after."""
    from botocore import xform_name

    return {name: getattr(owner, xform_name(name)) for name in names}


def _tagged(create: Operation, tags: Tags) -> Operation:
    """`create`, whose tags are those of the ARN that it answers with."""

    def creating(request: Request) -> Mapping[str, Any]:
        answer = create(request)
        if request.get("Tags"):
            tags.add(
                str(next(value for name, value in answer.items() if name.endswith("Arn"))), request["Tags"]
            )
        return answer

    return creating


class Answers:
    """Answers requests of JSON by the table of operations. Called from several threads."""

    def __init__(
        self,
        operations: Operations,
        switches: Switches,
        bug: Callable[[BaseException], None],
        at_hand: Mapping[tuple[str, str], Callable[[Request], bool]],
        *,
        check: bool = False,
    ) -> None:
        """`bug` is told of what is no error of ours; `at_hand` as in Answering; `check`: answers are held against
        botocore's model.
        """
        self._at_hand = at_hand
        self._operations = operations
        self._switches = switches
        self._bug = bug
        self._check = check
        services = dict.fromkeys([*SERVICES, *(service for service, _ in operations)])
        # Not the services of forms, which have no prefix.
        self._services = {
            prefix: each for each in services if (prefix := model(each).metadata.get("targetPrefix"))
        }

    def service_of(self, target: str) -> str | None:
        """The service that the header X-Amz-Target names, None when it is none of these."""
        return self._services.get(target.rpartition(".")[0])

    def __call__(self, target: str, body: bytes, make_way: MakeWay) -> bytes:
        """The body of the answer to a request. Raises ServiceError for an answer that is an error.

        `make_way` is called unless the answer is at hand.
        """
        service, name = self.service_of(target), target.rpartition(".")[2]
        if service is None:
            raise ServiceError("UnknownOperationException", f"{quoted(target)} is not answered here.")
        if name not in operation_names(service):
            raise ServiceError("UnknownOperationException", f"{service} has no operation {quoted(name)}.")
        is_at_hand = self._at_hand.get((service, name))
        if is_at_hand is None or self._switches.are_set:
            make_way()
        try:
            instead = self._switches.apply(name)
            if instead is not None:
                return write_answer(service, name, instead)
            operation = self._operations.get((service, name))
            if operation is None:
                raise ServiceError(
                    "UnknownOperationException",
                    f"The local SageMaker does not answer {name}. {_INSTEAD.get(name, _ANSWERED)}",
                )
            request = read_request(service, name, body)
            if is_at_hand is not None and not is_at_hand(request):
                make_way()
            answer = operation(request)
            return write_answer(service, name, answer, check=self._check)
        except FashionError as error:
            raise ServiceError("InternalFailure", str(error)) from error
        except ServiceError:
            raise
        except Exception as error:
            self._bug(error)
            raise ServiceError("InternalFailure", f"{name} failed within this server: {error!r}") from error


def quoted(text: str) -> str:
    """The beginning of what a request says, as it may stand in a message."""
    from pipeline.printable import printable

    return printable(text[:100])
