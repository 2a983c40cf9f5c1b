"""SageMaker Pipelines, which moto has not: runs the definitions that it is sent in the local engine."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.engine.start import resume_execution, start_execution
from pipeline.local.jobs.job import Graces
from pipeline.local.jobs.local_jobs import step_folder
from pipeline.local.jobs.runner import name_job
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.pipeline.aws.cloud.wire import ServiceError, moment, only_known

ARN = f"arn:aws:sagemaker:{LocalAws.REGION}:{LocalAws.ACCOUNT}"
QUICK = Graces(limit=1.0, stop=1.0, checkpoints=0.2)
Request = dict[str, Any]


@dataclass
class Execution:
    """One execution: its latest record, what started it, and what its jobs have logged, by job."""

    definition: str
    given: list[dict[str, str]]
    name: str | None
    more: dict[str, Any]
    record: ExecutionRecord | None = None
    begun: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    logs: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    thread: threading.Thread | None = None
    failure: BaseException | None = None

    # As an observer of the engine.

    def execution_changed(self, execution: ExecutionRecord) -> None:
        self.record = execution
        self.begun.set()

    def log_line(self, step: str, line: str) -> None:
        assert self.record is not None
        attempts = max(1, self.record.step(step).attempts)
        self.logs[name_job(self.record.execution_id, step, attempts)].append(line)


class Pipelines:
    """The operations on pipelines, their executions and jobs, each under its own name."""

    def __init__(self, home: Home, store: Store, aws: LocalAws) -> None:
        self._home, self._store, self._aws = home, store, aws
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, Execution] = {}
        self._tokens: dict[str, str] = {}

    # Pipelines.

    def CreatePipeline(self, request: Request) -> Request:  # noqa: N802
        name = request["PipelineName"]
        if name in self.pipelines:
            raise ServiceError("ConflictException", f"Pipeline {name} already exists")
        self.pipelines[name] = request
        return {"PipelineArn": f"{ARN}:pipeline/{name}"}

    def UpdatePipeline(self, request: Request) -> Request:  # noqa: N802
        self._pipeline(request["PipelineName"]).update(request)
        return {"PipelineArn": f"{ARN}:pipeline/{request['PipelineName']}"}

    def DescribePipeline(self, request: Request) -> Request:  # noqa: N802
        found = self._pipeline(request["PipelineName"])
        return {
            "PipelineArn": f"{ARN}:pipeline/{found['PipelineName']}",
            "PipelineName": found["PipelineName"],
            "PipelineDefinition": found["PipelineDefinition"],
            "RoleArn": found["RoleArn"],
            "PipelineStatus": "Active",
        }

    def _pipeline(self, name: str) -> dict[str, Any]:
        if name not in self.pipelines:
            raise ServiceError("ResourceNotFound", f"Pipeline '{ARN}:pipeline/{name}' does not exist.")
        return self.pipelines[name]

    # Executions.

    def StartPipelineExecution(self, request: Request) -> Request:  # noqa: N802
        token = request["ClientRequestToken"]
        if any(each["Value"] == "" for each in request.get("PipelineParameters", [])):
            # Issue 4016 of aws/sagemaker-python-sdk; the API's model allows it.
            raise ServiceError(
                "ValidationException", '[string "" is too short (length: 0, required minimum: 1)]'
            )
        if token not in self._tokens:
            definition = self._pipeline(request["PipelineName"])["PipelineDefinition"]
            more: Request = {
                name: request[name]
                for name in ("ParallelismConfiguration", "SelectiveExecutionConfig")
                if name in request
            }
            execution = Execution(
                definition,
                request.get("PipelineParameters", []),
                request.get("PipelineExecutionDisplayName"),
                more,
            )
            only = [
                each["StepName"] for each in more.get("SelectiveExecutionConfig", {}).get("SelectedSteps", [])
            ]
            source = more.get("SelectiveExecutionConfig", {}).get("SourcePipelineExecutionArn")
            self._run(
                execution,
                lambda: start_execution(
                    definition,
                    {each["Name"]: each["Value"] for each in execution.given},
                    home=self._home,
                    aws=self._aws,
                    store=self._store,
                    observer=execution,
                    stop=execution.stop,
                    pipeline_name=request["PipelineName"],
                    target="local",
                    max_parallel=more.get("ParallelismConfiguration", {}).get("MaxParallelExecutionSteps"),
                    only=only,
                    source=None if source is None else self._execution(source).record,
                    graces=QUICK,
                ),
            )
            if execution.record is None:
                raise ServiceError("ValidationException", str(execution.failure))
            arn = f"{ARN}:pipeline/{request['PipelineName']}/execution/{execution.record.execution_id}"
            self.executions[arn] = execution
            self._tokens[token] = arn
        return {"PipelineExecutionArn": self._tokens[token]}

    def _run(self, execution: Execution, run: Any) -> None:
        def safely() -> None:
            try:
                run()
            except BaseException as error:
                execution.failure = error
            finally:
                execution.begun.set()

        execution.begun.clear()
        execution.stop.clear()
        execution.thread = threading.Thread(target=safely)
        execution.thread.start()
        execution.begun.wait()

    def RetryPipelineExecution(self, request: Request) -> Request:  # noqa: N802
        arn = request["PipelineExecutionArn"]
        execution = self._execution(arn)
        assert execution.thread is not None
        execution.thread.join()
        self._run(
            execution,
            lambda: resume_execution(
                arn.rpartition("/")[2],
                home=self._home,
                aws=self._aws,
                store=self._store,
                observer=execution,
                stop=execution.stop,
                graces=QUICK,
            ),
        )
        return {"PipelineExecutionArn": arn}

    def StopPipelineExecution(self, request: Request) -> Request:  # noqa: N802
        self._execution(request["PipelineExecutionArn"]).stop.set()
        return {"PipelineExecutionArn": request["PipelineExecutionArn"]}

    def ListPipelineExecutions(self, request: Request) -> Request:  # noqa: N802
        self._pipeline(request["PipelineName"])
        found = [
            {
                "PipelineExecutionArn": arn,
                "StartTime": moment(record.started_at),
                "PipelineExecutionStatus": record.status,
                **({"PipelineExecutionDisplayName": execution.name} if execution.name else {}),
            }
            for arn, execution in self.executions.items()
            if (record := execution.record) is not None
        ]
        return {"PipelineExecutionSummaries": found[::-1]}

    def DescribePipelineExecution(self, request: Request) -> Request:  # noqa: N802
        arn = request["PipelineExecutionArn"]
        execution, record = self._both(arn)
        return {
            "PipelineArn": arn.partition("/execution/")[0],
            "PipelineExecutionArn": arn,
            "PipelineExecutionStatus": record.status,
            "CreationTime": moment(record.started_at),
            "LastModifiedTime": moment(record.ended_at or record.started_at),
            **({"FailureReason": record.failure_reason} if record.failure_reason else {}),
            **execution.more,
        }

    def DescribePipelineDefinitionForExecution(self, request: Request) -> Request:  # noqa: N802
        return {"PipelineDefinition": self._execution(request["PipelineExecutionArn"]).definition}

    def ListPipelineParametersForExecution(self, request: Request) -> Request:  # noqa: N802
        return {"PipelineParameters": self._execution(request["PipelineExecutionArn"]).given}

    def ListPipelineExecutionSteps(self, request: Request) -> Request:  # noqa: N802
        arn = request["PipelineExecutionArn"]
        _, record = self._both(arn)
        started = [step for step in record.steps if step.status not in ("Pending", "Skipped")]
        steps = [self._step(arn, record, step) for step in started]
        # In pages, so that who lists them has to ask again.
        begin = int(request.get("NextToken", 0))
        page: Request = {"PipelineExecutionSteps": steps[begin : begin + 3]}
        if begin + 3 < len(steps):
            page["NextToken"] = str(begin + 3)
        return page

    def _step(self, arn: str, record: ExecutionRecord, step: StepRecord) -> Request:
        metadata: Request = {}
        if step.type in ("Training", "Processing"):
            kind = "training-job" if step.type == "Training" else "processing-job"
            job = step.properties.get(
                f"{step.type}JobArn",
                f"{ARN}:{kind}/{name_job(record.execution_id, step.name, step.attempts)}",
            )
            metadata = {f"{step.type}Job": {"Arn": job}}
        elif step.type == "Condition" and step.properties:
            metadata = {"Condition": {"Outcome": step.properties["Outcome"]}}
        elif step.type == "Fail":
            metadata = {"Fail": {"ErrorMessage": step.failure_reason or ""}}
        source = f"{arn.rpartition('/')[0]}/{step.reused_from}"
        listed = {
            "StepName": step.name,
            "StepStatus": step.status,
            "StartTime": moment(step.started_at),
            "EndTime": moment(step.ended_at),
            "AttemptCount": step.attempts,
            "FailureReason": step.failure_reason,
            "Metadata": metadata,
            "CacheHitResult": {"SourcePipelineExecutionArn": source} if step.cached else None,
        }
        return {name: value for name, value in listed.items() if value is not None}

    # Jobs.

    def DescribeTrainingJob(self, request: Request) -> Request:  # noqa: N802
        return self._job("Training", request["TrainingJobName"])

    def DescribeProcessingJob(self, request: Request) -> Request:  # noqa: N802
        return self._job("Processing", request["ProcessingJobName"])

    def _job(self, kind: str, name: str) -> Request:
        record, step = next(
            (record, step)
            for execution in self.executions.values()
            if (record := execution.record) is not None
            for step in record.steps
            if step.type == kind and name in self._names(record, step)
        )
        fields: Request = dict(step.properties)
        if not fields:  # It runs, or it failed.
            folder = step_folder(self._home, record.execution_id, step.name)
            fields = json.loads((folder / "request.json").read_text())
        fields[f"{kind}JobName"] = name
        fields[f"{kind}JobArn"] = f"{ARN}:{kind.lower()}-job/{name}"
        fields.setdefault(f"{kind}JobStatus", "Failed")
        fields["CreationTime"] = step.started_at
        fields[f"{kind}StartTime"], fields[f"{kind}EndTime"] = step.started_at, step.ended_at
        if kind == "Training":
            fields.setdefault("SecondaryStatus", "Failed")
            fields.setdefault("ModelArtifacts", {"S3ModelArtifacts": ""})
            fields["BillableTimeInSeconds"] = max(1, int(step.seconds or 0))
            fields.pop("FinalMetricDataList", None)
        for key in ("CreationTime", f"{kind}StartTime", f"{kind}EndTime"):
            fields[key] = moment(fields[key])
        answer = only_known("sagemaker", f"Describe{kind}Job", fields)
        return {key: value for key, value in answer.items() if value is not None}

    @staticmethod
    def _names(record: ExecutionRecord, step: StepRecord) -> list[str]:
        return [name_job(record.execution_id, step.name, attempt) for attempt in range(1, step.attempts + 1)]

    # Their logs.

    def DescribeLogStreams(self, request: Request) -> Request:  # noqa: N802
        names = [
            f"{job}/algo-1-1700000000"
            for execution in self.executions.values()
            for job in execution.logs
            if f"{job}/".startswith(request["logStreamNamePrefix"])
        ]
        return {"logStreams": [{"logStreamName": name, "lastEventTimestamp": 1} for name in names]}

    def GetLogEvents(self, request: Request) -> Request:  # noqa: N802
        job = request["logStreamName"].partition("/")[0]
        lines = next((each.logs[job] for each in self.executions.values() if job in each.logs), None)
        if lines is None:
            raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
        begin = int(request.get("nextToken", 0))
        end = len(lines)
        if not request.get("startFromHead"):
            begin = max(0, end - request.get("limit", 10_000))
        events = [{"timestamp": 1, "message": line, "ingestionTime": 1} for line in lines[begin:end]]
        return {"events": events, "nextForwardToken": str(end), "nextBackwardToken": str(begin)}

    def _execution(self, arn: str) -> Execution:
        if arn not in self.executions:
            raise ServiceError("ResourceNotFound", f"Pipeline execution '{arn}' does not exist.")
        return self.executions[arn]

    def _both(self, arn: str) -> tuple[Execution, ExecutionRecord]:
        execution = self._execution(arn)
        assert execution.record is not None
        return execution, execution.record
