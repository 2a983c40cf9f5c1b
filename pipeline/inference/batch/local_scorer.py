"""Has records answered by the local engine: an execution of the batch pipeline for each part."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.definition.settings import PROJECT, Settings
from pipeline.execution import ExecutionRecord
from pipeline.inference.batch.requests import Requests
from pipeline.inference.batch.transform_definition import BATCH, STEP, batch_definition, pipeline_name
from pipeline.inference.serving.deployment import Deployment
from pipeline.inference.serving.hosting import Hosting
from pipeline.interrupts import stop_on_signals
from pipeline.local.jobs.channels import upload_files
from pipeline.local.jobs.runner import StepStopped
from pipeline.local.state.objects import stored_files
from pipeline.registry import Package
from pipeline.spec.validation import check_definition
from pipeline.targets.local import LocalTarget
from pipeline.targets.local_outcome import log_tails
from pipeline.view import open_view
from pipeline.view.failure import print_failure


@dataclass
class LocalScorer:
    """Scores with `package`. `status` is how the last execution ended."""

    target: LocalTarget
    settings: Settings
    package: Package
    plain: bool
    status: str = ""
    _answers: str = ""

    def answers(self, requests: Requests) -> Mapping[str, Path] | None:
        """See pipeline.inference.batch.scoring.Scorer."""
        stop = threading.Event()
        uri = self._uri(requests)
        model = self._model()
        values = {"ModelName": model, "InputUri": f"{uri}/"}
        text = batch_definition(self.settings)
        check_definition(json.loads(text), values)
        with open_view(sys.stderr, plain=True if self.plain else None) as view, stop_on_signals(stop):
            try:
                upload_files(
                    self.target.aws, [(path, f"{uri}/{path.name}") for path in requests.files], stop=stop
                )
            except StepStopped:
                self.status = "Stopped"
                return None
            record = self.target.run(text, values, view, stop, pipeline_name=pipeline_name(PROJECT))
        self.status = record.status
        if record.status != "Succeeded":
            print_failure(record, log_tails(self.target.home, record), sys.stdout)
            return None
        self._answers = output_of(record)
        return stored_files(self.target.home, self.target.store, self._answers)

    def forget(self, requests: Requests) -> None:
        """Take records and answers out of the local S3: they are in the user's folder."""
        objects = self.target.aws.objects
        for uri in filter(None, (self._uri(requests), self._answers)):
            self.target.aws.save_objects()
            objects.drop(objects.under(f"{uri}/"))

    def _uri(self, requests: Requests) -> str:
        return self.settings.uri(BATCH, "requests", requests.digest[:32])

    def _model(self) -> str:
        """The name of a model of the package, which is made unless there is one."""
        role = self.settings.job_role
        wanted = Deployment(
            f"{PROJECT}-{BATCH}", PROJECT, self.package.version, self.package.arn, role, Hosting()
        )
        client = self.target.aws.client("sagemaker")
        with self.target.aws.faults("Making a model of the package"):
            there = [each["ModelName"] for each in client.list_models()["Models"]]
            if wanted.model_name not in there:
                client.create_model(**wanted.create_model())
        return wanted.model_name


def output_of(record: ExecutionRecord) -> str:
    """The S3 folder that the transform job wrote to."""
    properties = record.step(STEP).properties
    return str(properties["TransformOutput"]["S3OutputPath"]).rstrip("/")
