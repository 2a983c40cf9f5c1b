"""Executions of pipelines: Start, Describe, List, Update, Stop, Retry, their parameters and definitions."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.local.endpoint.engine import Engine
from pipeline.local.endpoint.execution import Execution
from pipeline.local.endpoint.experiment import named_experiment
from pipeline.local.endpoint.names import execution_arn, execution_id_of, pipeline_arn, pipeline_key
from pipeline.local.endpoint.pages import ordered, page, within
from pipeline.local.endpoint.pipelines import Pipelines
from pipeline.local.endpoint.steps import listed_steps
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, known_of, not_found
from pipeline.local.engine.start import new_execution_id
from pipeline.local.state import clock

# What DescribePipelineExecution shows of how it was started.
_SHOWN = (
    "PipelineExecutionDisplayName", "PipelineExecutionDescription", "ParallelismConfiguration",
    "SelectiveExecutionConfig", "PipelineVersionId", "RoleArn", "PipelineExperimentConfig",
)  # fmt: skip


_EMPTY = '[string "" is too short (length: 0, required minimum: 1)]'


class Executions:
    """The operations on executions, each under its own name. Usable from several threads."""

    def __init__(self, engine: Engine, pipelines: Pipelines) -> None:
        self._engine = engine
        self._pipelines = pipelines
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], threading.Lock] = {}
        pipelines.before_deleting = self._before_deleting

    def start_pipeline_execution(self, request: Request) -> Request:
        """StartPipelineExecution: once for each ClientRequestToken of a pipeline."""
        found = self._pipelines.find(request["PipelineName"])
        key, token = pipeline_key(found["PipelineName"]), request["ClientRequestToken"]
        with self._lock:
            one_at_a_time = self._tokens.setdefault((key, token), threading.Lock())
        with one_at_a_time:
            for each in self._of(key):
                if each.asked["ClientRequestToken"] == token:
                    return {"PipelineExecutionArn": self._arn(each)}
            return {"PipelineExecutionArn": self._arn(self._start(found, key, request))}

    def describe_pipeline_execution(self, request: Request) -> Request:
        """DescribePipelineExecution."""
        execution = self.find(request["PipelineExecutionArn"])
        record = execution.known
        aliases = self._pipelines.aliases(execution.key, execution.asked["PipelineVersionId"])
        return {
            "PipelineArn": pipeline_arn(execution.key),
            "PipelineExecutionArn": self._arn(execution),
            "PipelineExecutionStatus": execution.status,
            **({"FailureReason": record.failure_reason} if record.failure_reason else {}),
            "CreationTime": record.started_at,
            "LastModifiedTime": max(record.started_at, execution.changed_at),
            "CreatedBy": {},
            "LastModifiedBy": {},
            **({"PipelineVersionAliases": aliases} if aliases else {}),
            **{name: execution.asked[name] for name in _SHOWN if execution.asked.get(name) is not None},
        }

    def is_at_hand(self, request: Request) -> bool:
        """Whether the execution that a request names is in memory, or is not there."""
        return self._engine.is_at_hand(execution_id_of(request["PipelineExecutionArn"]))

    def list_pipeline_executions(self, request: Request) -> Request:
        """ListPipelineExecutions."""
        found = self._pipelines.find(request["PipelineName"])
        executions = self._of(pipeline_key(found["PipelineName"]))
        if alias := request.get("PipelineVersionAlias"):
            number = self._pipelines.version(found, alias=alias)["PipelineVersionId"]
            executions = [each for each in executions if each.asked["PipelineVersionId"] == number]
        executions = within(executions, request, {"Created": lambda each: each.known.started_at})
        by_arn = request.get("SortBy") == "PipelineExecutionArn"
        items, more = page(
            ordered(executions, lambda each: self._arn(each) if by_arn else each.known.started_at, request),
            request,
        )
        return {"PipelineExecutionSummaries": [self._summary(each) for each in items], **more}

    def update_pipeline_execution(self, request: Request) -> Request:
        """UpdatePipelineExecution: its names, and how much runs at once after a retry."""
        execution = self.find(request["PipelineExecutionArn"])
        self._engine.change(
            execution, **{name: value for name, value in request.items() if name != "PipelineExecutionArn"}
        )
        return {"PipelineExecutionArn": self._arn(execution)}

    def stop_pipeline_execution(self, request: Request) -> Request:
        """StopPipelineExecution: returns at once, as the service does; jobs get SIGTERM and some time."""
        execution = self.find(request["PipelineExecutionArn"])
        # Whoever repeats the request asks for what is happening already.
        if execution.known.ended and execution.asked.get("StopToken") != request["ClientRequestToken"]:
            raise ServiceError(
                "ConflictException",
                f"Pipeline execution '{self._arn(execution)}' cannot be stopped: it is {execution.status}.",
            )
        self._engine.change(execution, StopToken=request["ClientRequestToken"])
        execution.ask_to_stop()
        return {"PipelineExecutionArn": self._arn(execution)}

    def retry_pipeline_execution(self, request: Request) -> Request:
        """RetryPipelineExecution: goes on under the same ARN with what is not done."""
        execution = self.find(request["PipelineExecutionArn"])
        with self._lock:
            if execution.asked.get("RetryToken") == request["ClientRequestToken"]:
                return {"PipelineExecutionArn": self._arn(execution)}
            if not execution.known.ended or execution.known.status == "Succeeded":
                raise ServiceError(
                    "ConflictException",
                    f"Pipeline execution '{self._arn(execution)}' cannot be retried: it is {execution.status}. "
                    "Only one that is Failed or Stopped can.",
                )
            if execution.thread is not None:
                execution.thread.join()  # Its record has ended: this takes no time.
            parallelism = request.get("ParallelismConfiguration")
            changes = {"RetryToken": request["ClientRequestToken"], "StopToken": None}
            if parallelism:
                changes["ParallelismConfiguration"] = parallelism
            self._engine.change(execution, **changes)
            self._engine.resume(execution, _at_once(execution.asked))
        return {"PipelineExecutionArn": self._arn(execution)}

    def list_pipeline_execution_steps(self, request: Request) -> Request:
        """ListPipelineExecutionSteps: those that have begun, the latest first."""
        if "PipelineExecutionArn" not in request:
            raise ServiceError(VALIDATION, "PipelineExecutionArn must be given.")
        execution = self.find(request["PipelineExecutionArn"])
        return listed_steps(execution, self._engine.definition(execution), request)

    def list_pipeline_parameters_for_execution(self, request: Request) -> Request:
        """ListPipelineParametersForExecution: every parameter, with the value that the execution has."""
        execution = self.find(request["PipelineExecutionArn"])
        items, more = page(list(execution.known.parameters.items()), request)
        return {
            "PipelineParameters": [{"Name": name, "Value": text_of(value)} for name, value in items],
            **more,
        }

    def describe_pipeline_definition_for_execution(self, request: Request) -> Request:
        """DescribePipelineDefinitionForExecution."""
        execution = self.find(request["PipelineExecutionArn"])
        record = execution.known
        return {
            "PipelineDefinition": self._engine.definition(execution),
            "CreationTime": record.started_at,
        }

    def find(self, arn: str) -> Execution:
        """The execution of a pipeline with this ARN. Raises ServiceError when there is none."""
        found = self._engine.find(execution_id_of(arn))
        # An execution that is a single job is none of a pipeline.
        if found is None or self._arn(found) != arn.lower():
            raise not_found(f"Pipeline execution '{arn}'")
        return found

    def _start(self, found: dict[str, Any], key: str, request: Request) -> Execution:
        if "MlflowExperimentName" in request:
            raise ServiceError(
                VALIDATION,
                "The local SageMaker logs nothing to MLflow by itself: leave MlflowExperimentName out, and let "
                "jobs log to a server that MLFLOW_TRACKING_URI names in their environment.",
            )
        version = self._pipelines.version(
            found, request.get("PipelineVersionId"), request.get("PipelineVersionAlias")
        )
        asked = {name: request[name] for name in (*_SHOWN, "ClientRequestToken") if name in request}
        asked["PipelineVersionId"] = version["PipelineVersionId"]
        asked.setdefault("RoleArn", found["RoleArn"])
        if "ParallelismConfiguration" in found:
            asked.setdefault("ParallelismConfiguration", found["ParallelismConfiguration"])
        parameters: dict[str, object] = {}
        for each in request.get("PipelineParameters") or ():
            if each["Name"] in parameters:
                raise ServiceError(VALIDATION, f"The parameter {each['Name']} is given twice.")
            if not each["Value"]:
                # Issue 4016 of aws/sagemaker-python-sdk; the API's model allows it.
                raise ServiceError(VALIDATION, _EMPTY)
            parameters[each["Name"]] = each["Value"]
        selection = request.get("SelectiveExecutionConfig") or {}
        only = [each["StepName"] for each in selection.get("SelectedSteps", ())]
        source = None
        if only:
            source = self._source(key, selection.get("SourcePipelineExecutionArn"))
            asked["SelectiveExecutionConfig"] = {
                **selection,
                "SourcePipelineExecutionArn": self._arn(source),
            }
        execution_id = new_execution_id()
        asked.setdefault("PipelineExecutionDisplayName", f"execution-{round(clock.now() * 1000)}")
        asked["PipelineExperimentConfig"] = named_experiment(
            version["PipelineDefinition"], parameters, found["PipelineName"], execution_id
        )
        noted = self._pipelines.note_run(key, version["PipelineVersionId"], execution_id)
        execution = self._engine.start(
            execution_id,
            key,
            asked,
            version["PipelineDefinition"],
            parameters,
            pipeline_name=found["PipelineName"],
            also=noted,
            max_parallel=_at_once(asked),
            only=only,
            source=None if source is None else source.known,
        )
        self._pipelines.noted(noted)
        return execution

    def _source(self, key: str, arn: str | None) -> Execution:
        """The execution on whose results selected steps run: the one named, or else the latest that has ended."""
        if arn is not None:
            source = self.find(arn)
            if source.key != key:
                raise ServiceError(VALIDATION, f"{arn} is an execution of another pipeline.")
            return source
        ended = [each for each in self._of(key) if each.known.ended]
        if not ended:
            raise ServiceError(
                VALIDATION, "Steps cannot be selected: the pipeline has no execution that has ended, whose "
                "results they could run on.",
            )  # fmt: skip
        return ended[-1]

    def _of(self, key: str) -> list[Execution]:
        return [each for each in self._engine.all() if each.key == key]

    def _summary(self, execution: Execution) -> Request:
        record = execution.known
        return known_of(
            "PipelineExecutionSummary",
            {
                **execution.asked,
                "PipelineExecutionArn": self._arn(execution),
                "StartTime": record.started_at,
                "PipelineExecutionStatus": execution.status,
                "PipelineExecutionFailureReason": record.failure_reason,
            },
        )

    def _before_deleting(self, key: str) -> None:
        executions = self._of(key)
        if running := [each for each in executions if not each.known.ended]:
            raise ServiceError(
                "ConflictException",
                f"Pipeline '{pipeline_arn(key)}' cannot be deleted: {self._arn(running[0])} is "
                f"{running[0].status}. Stop it first.",
            )
        self._engine.forget(executions)

    @staticmethod
    def _arn(execution: Execution) -> str:
        return execution_arn(execution.key, execution.asked["id"])


def text_of(value: Any) -> str:
    """A parameter's value as the service tells it: a text."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def _at_once(asked: dict[str, Any]) -> int | None:
    configuration = asked.get("ParallelismConfiguration") or {}
    number: int | None = configuration.get("MaxParallelExecutionSteps")
    return number
