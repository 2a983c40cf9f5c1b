"""Has records answered by SageMaker: an execution of the batch pipeline for each part, started at most once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.console import say
from pipeline.dataset.upload import upload_files
from pipeline.definition.parameters import Value
from pipeline.definition.settings import Settings
from pipeline.formatting import plural
from pipeline.inference.batch.requests import Requests
from pipeline.inference.batch.transform_definition import BATCH, STEP, batch_definition, pipeline_name
from pipeline.targets.aws.aws_errors import translate_errors
from pipeline.targets.aws.executions import Executions
from pipeline.targets.aws.follow import Follower
from pipeline.targets.aws.records import AwsExecution, id_of
from pipeline.targets.aws.start import StartRequest, start_execution
from pipeline.targets.aws.upsert import upsert_pipeline
from pipeline.targets.sagemaker import SageMakerTarget
from pipeline.view import open_view
from pipeline.view.failure import print_failure


@dataclass
class AwsScorer:
    """Scores with the model called `model` on `instances` of `instance_type`; `status` is how that ended."""

    target: SageMakerTarget
    settings: Settings
    model: str
    instance_type: str
    instances: int
    plain: bool
    status: str = ""

    def answers(self, requests: Requests) -> Mapping[str, Path] | None:
        """See pipeline.inference.batch.scoring.Scorer."""
        bucket = self.settings.bucket
        uri = self.settings.uri(BATCH, "requests", requests.digest[:32])
        with translate_errors(f"Uploading {plural(requests.count, 'image')} to {bucket}"):
            upload_files(
                self.target.account.client("s3"),
                bucket,
                uri.removeprefix(f"s3://{bucket}/"),
                {path.name: path for path in requests.files},
            )
        values: dict[str, Value] = {
            "ModelName": self.model,
            "InputUri": f"{uri}/",
            "InstanceType": self.instance_type,
            "InstanceCount": self.instances,
        }
        name = pipeline_name(self.settings.pipeline_name)
        executions = Executions(self.target.client, name)
        text = batch_definition(self.settings)
        upsert_pipeline(
            self.target.client, name, text, self.settings.pipeline_role, self.settings.cost_tags()
        )
        execution = self._ended(executions, StartRequest(name, text, values))
        self.status = execution.record.status
        if self.status != "Succeeded":
            print_failure(execution.record, {}, sys.stdout)
            return None
        step = execution.record.step(STEP)
        folder = self.settings.uri(BATCH, "answers", step.reused_from or execution.record.execution_id)
        return self._fetched(folder, requests)

    def forget(self, requests: Requests) -> None:
        """The bucket deletes what is old by itself."""

    def _ended(self, executions: Executions, request: StartRequest) -> AwsExecution:
        """The execution of this request once it has ended: one that was started before, unless it failed."""
        again = 0
        while True:
            attempt = StartRequest(request.pipeline, request.definition, request.values, again)
            arn = executions.started_as(attempt.display_name)
            if arn is None:
                break
            if executions.read(arn).record.status not in ("Failed", "Stopped"):
                say(f"This part is execution {id_of(arn)} already, which is followed.")
                break
            again += 1
        if arn is None:
            arn = start_execution(self.target.client, attempt)
            say(f"Execution {id_of(arn)} has started.")
        with open_view(sys.stderr, plain=True if self.plain else None) as view:
            follower = Follower(executions, self.target.account.client("logs"), say)
            return follower.follow(arn, view)

    def _fetched(self, folder: str, requests: Requests) -> Mapping[str, Path]:
        """The job's output, beside the requests."""
        s3 = self.target.account.client("s3")
        prefix = folder.removeprefix(f"s3://{self.settings.bucket}/")
        found = {}
        with translate_errors(f"Downloading {folder}"):
            for path in requests.files:
                answer = path.with_name(f"{path.name}.out")
                s3.download_file(self.settings.bucket, f"{prefix}/{answer.name}", str(answer))
                found[answer.name] = answer
        return found
