"""Runs small Python texts as jobs against the local S3, for the tests of jobs and their parts."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.job import Graces
from pipeline.local.jobs.launchers.choice import Wanted, choose_launcher
from pipeline.local.jobs.launchers.launcher import Launcher
from pipeline.local.jobs.local_jobs import LocalJobs, step_folder
from pipeline.local.jobs.programs import Programs
from pipeline.local.jobs.reaper import Reaper
from pipeline.local.jobs.runner import JobCall, JobOutcome
from pipeline.local.jobs.stand_in import StandIn, visible_paths
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.state_dir import Home
from pipeline.spec.definition import PropertyFile, Step

# Long enough for a program to end well on a busy machine.
QUICK = Graces(limit=5.0, stop=5.0, checkpoints=0.05)


class Workbench:
    """One per test: its own execution and its own prefix in the bucket; `lines` is what the observer saw."""

    def __init__(self, home: Home, aws: LocalAws, reaper: Reaper) -> None:
        self.home = home
        self.aws = aws
        self.execution_id = uuid.uuid4().hex[:12]
        self.execution_arn = (
            f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/small/execution/{self.execution_id}"
        )
        self._reaper = reaper
        self._graces = QUICK
        # The containers of models by name, for transform jobs.
        self.models: dict[str, list[dict[str, Any]]] = {}
        self.use("auto")
        self.prefix = f"s3://{aws.BUCKET}/tests/{self.execution_id}"
        self.lines: list[str] = []
        self.stop = threading.Event()
        self.stop_at: str | tuple[str, ...] | None = None

    def use(self, wanted: Wanted) -> None:
        """Run the jobs from now on in this way."""
        self.run_with(choose_launcher(wanted, self.home, os.environ, lambda line: None))

    def run_with(self, launcher: Launcher) -> None:
        """Run the jobs from now on with this launcher."""
        self.launcher = launcher
        self.jobs = self._jobs(launcher, Programs())

    def stand_in(self, *stand_ins: StandIn) -> None:
        """Run these from now on in the place of what requests say; with a launcher of the same kind."""
        chosen = choose_launcher(
            self.launcher.name, self.home, os.environ, lambda line: None, visible=visible_paths(stand_ins)
        )
        self.jobs = self._jobs(chosen, Programs(stand_ins))

    def run_programs(self, programs: Programs) -> None:
        """Let jobs run from now on what `programs` says."""
        self.jobs = self._jobs(self.launcher, programs)

    def give(self, graces: Graces) -> None:
        """Let jobs from now on have so long to end."""
        self._graces = graces
        self.jobs = self._jobs(self.launcher, self._programs)

    def _jobs(self, launcher: Launcher, programs: Programs) -> LocalJobs:
        self._programs = programs
        return LocalJobs(
            self.home, self.aws, self.execution_id, self._reaper, self._graces, self.execution_arn,
            launcher=launcher, programs=programs, find_model=lambda name: self.models.get(name),
        )  # fmt: skip

    def uri(self, *parts: str) -> str:
        """An S3 URI of this test."""
        return "/".join([self.prefix, *parts])

    def put(self, name: str, files: Mapping[str, str | bytes]) -> str:
        """Upload `files` (by key below the prefix) and return the prefix, with a slash at its end."""
        uri = f"{self.uri(name)}/"
        for key, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            self.aws.client("s3").put_object(
                Bucket=self.aws.BUCKET, Key=f"{uri.removeprefix(f's3://{self.aws.BUCKET}/')}{key}", Body=body
            )
        return uri

    def get(self, uri: str) -> bytes:
        """The content of an S3 object."""
        key = uri.removeprefix(f"s3://{self.aws.BUCKET}/")
        body: bytes = self.aws.client("s3").get_object(Bucket=self.aws.BUCKET, Key=key)["Body"].read()
        return body

    def keys(self, uri: str) -> list[str]:
        """The keys below a prefix, relative to it."""
        prefix = uri.removeprefix(f"s3://{self.aws.BUCKET}/")
        listed = self.aws.client("s3").list_objects_v2(Bucket=self.aws.BUCKET, Prefix=prefix)
        return [item["Key"].removeprefix(prefix) for item in listed.get("Contents", [])]

    def stored(self, uri: str) -> list[str]:
        """The keys on disk below a prefix, relative to it."""
        prefix = uri.removeprefix(f"s3://{self.aws.BUCKET}/")
        return [item.key.removeprefix(prefix) for item in self.aws.stored_objects(uri)]

    def container(self, step: str = "Step") -> Path:
        """The folder that stands for the container of a step's job."""
        return step_folder(self.home, self.execution_id, step) / "container"

    def seen(self, inside: str = "/", host: str = "") -> str:
        """Where a step's job finds a path of its container, or of its container for one of several hosts."""
        return Container(self.container() / host, (), self.launcher.seen_at).seen(inside)

    def log(self, step: str = "Step") -> str:
        """The log of a step."""
        return self.home.step_log(self.execution_id, step).read_text()

    def processing(
        self,
        script: str,
        *,
        arguments: Sequence[str] = (),
        inputs: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        limit: float = 60,
    ) -> dict[str, Any]:
        """A CreateProcessingJob request that runs `script`; `inputs` are S3 URIs by folder of the container, and
        each of `outputs` goes from /opt/ml/processing/output/<name> to <this test's prefix>/<name>."""
        code = self.put(f"code/{hashlib.sha256(script.encode()).hexdigest()}", {"script.py": script})
        folders = {"/opt/ml/processing/code": code, **(inputs or {})}
        return {
            "AppSpecification": {
                "ImageUri": "an-image",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/script.py"],
                "ContainerArguments": list(arguments),
            },
            "Environment": dict(environment or {}),
            "ProcessingInputs": [
                {
                    "InputName": f"input-{i}",
                    "AppManaged": False,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": folder,
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
                for i, (folder, uri) in enumerate(folders.items())
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": name,
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": self.uri(name),
                            "LocalPath": f"/opt/ml/processing/output/{name}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for name in outputs
                ]
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "RoleArn": "arn:aws:iam::123456789012:role/jobs",
            "StoppingCondition": {"MaxRuntimeInSeconds": limit},
        }

    def training(
        self,
        script: str,
        *,
        hyperparameters: Mapping[str, str] | None = None,
        channels: Mapping[str, str] | None = None,
        source_code: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """A CreateTrainingJob request as the SDK's script mode makes it.

        `channels` are S3 URIs by name, `more` other parts of the request.
        """
        drivers = {"sourcecode.json": json.dumps({"entry_script": "train.py", **(source_code or {})})}
        uris = {
            "code": self.put("training-code", {"train.py": script}),
            "sm_drivers": self.put("drivers", drivers),
            **(channels or {}),
        }
        return {
            "AlgorithmSpecification": {
                "TrainingImage": "an-image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/bash"],
                "ContainerArguments": ["-c", "/opt/ml/input/data/sm_drivers/sm_train.sh"],
            },
            "HyperParameters": dict(hyperparameters or {}),
            "InputDataConfig": [
                {
                    "ChannelName": name,
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
                    "InputMode": "File",
                }
                for name, uri in uris.items()
            ],
            "OutputDataConfig": {"S3OutputPath": self.uri("models")},
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **more,
        }

    def run(
        self,
        type: str,
        request: Mapping[str, Any],
        *,
        step: str = "Step",
        name: str = "job-1",
        cores: int = 1,
    ) -> JobOutcome:
        """Run a request as the job of a step; with `stop_at`, stop it once it has written that line, or all."""
        files = (PropertyFile("File", "out", "file.json"),)
        asked = Step(step, type, {}, property_files=files)
        return self.jobs(JobCall(asked, request, name, cores, self._on_line, self.stop))

    def _on_line(self, line: str) -> None:
        self.lines.append(line)
        awaited = (self.stop_at,) if isinstance(self.stop_at, str) else self.stop_at
        if awaited and set(awaited) <= set(self.lines):
            self.stop.set()
