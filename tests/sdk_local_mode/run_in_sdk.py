"""Runs this project's pipeline in the SageMaker SDK's own local mode, with which the local engine is compared.

    PYTHONPATH=. .venv/bin/python tests/sdk_local_mode/run_in_sdk.py --data DIR --param Epochs=1

It needs Docker with compose, and the image (make image); as a user who is not root it leaves files of root's. S3
and registry are the local engine's, in a state folder of its own (FASHION_HOME, else a temporary one).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.definition.compiling import compile_pipeline
from pipeline.definition.parameters import parse_parameters
from pipeline.definition.settings import PROJECT
from pipeline.local.engine.start import new_execution_id
from pipeline.local.state.isolation import isolate
from pipeline.local.state.objects import stored_files
from pipeline.local.state.state_dir import Home
from pipeline.registry import Package
from pipeline.targets.job_image import image_tag
from pipeline.targets.local import LocalTarget, local_settings_for, open_local

# What runs a job on this machine, in the SDK's words.
INSTANCE_TYPES = ("ProcessingInstanceType", "TrainingInstanceType")
IMAGES = ("ProcessingImageUri", "TrainingImageUri")
_NETWORK = "sagemaker-local"


@dataclass
class Reference:
    """What the SDK's local mode made of the pipeline; `statuses` has each step that was not skipped."""

    execution_id: str
    definition: str
    statuses: dict[str, str] = field(default_factory=dict)
    gate: str | None = None
    reason: str | None = None
    processed: dict[str, bytes] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    packages: list[Package] = field(default_factory=list)

    def step_started(self, name: str) -> None:
        """See StepListener."""
        print(f"{name}: running", file=sys.stderr)
        self.statuses[name] = "Executing"

    def step_succeeded(self, name: str, properties: Mapping[str, Any]) -> None:
        """See StepListener."""
        self.statuses[name] = "Succeeded"
        if "Outcome" in properties:
            self.gate = str(properties["Outcome"])

    def step_failed(self, name: str, reason: str) -> None:
        """See StepListener."""
        self.statuses[name], self.reason = "Failed", reason


def run_in_local_mode(
    home: Home, data: Path, values: Mapping[str, Any], candidates: Sequence[str]
) -> Reference:
    """Compile the pipeline, upload the data set in the folder `data`, and let the SDK execute its objects."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing the SDK warns of itself
        os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        from sdk_session import ComposeSession, execute_pipeline
    with open_local(home, print, containers=True) as target:
        aws, settings = target.aws, local_settings_for({"candidates": tuple(candidates)})
        uri = target.upload_data(settings, data)
        session = ComposeSession(aws.endpoint_url, aws.credentials, settings.bucket)
        pipeline, text = compile_pipeline(settings, lambda: session)
        found = Reference(new_execution_id(), text)
        given = {
            **dict.fromkeys(INSTANCE_TYPES, "local"),
            **dict.fromkeys(IMAGES, image_tag()),
            **values,
            "InputDataUri": uri,
        }
        # The SDK adds the session's key; compose takes no variable twice.
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        reached = aws.job_environment(in_container=True)
        added = {name: value for name, value in reached.items() if name not in keys}

        def run_job(create: Any, job_name: str, request: dict[str, Any]) -> None:
            environment = {**(request.get("Environment") or {}), **added}
            create(job_name, **{**request, "Environment": environment})

        with sdk_folder() as folder:
            session.connect(folder, run_job)
            execute_pipeline(pipeline, session, found.execution_id, given, found)
        aws.save_objects()
        aws.persist_registry()
        _read(target, found)
    return found


def _read(target: LocalTarget, found: Reference) -> None:
    bucket = local_settings_for({}).bucket
    for name, prefix in (("processed", "processed"), ("evaluation", "evaluation")):
        uri = f"s3://{bucket}/{PROJECT}/executions/{found.execution_id}/{prefix}"
        files = stored_files(target.home, target.store, uri)
        if name == "processed":
            found.processed = {key: path.read_bytes() for key, path in files.items()}
        elif "evaluation.json" in files:
            found.evaluation = json.loads(files["evaluation.json"].read_bytes())
    found.packages = target.registry(PROJECT).packages()


@contextmanager
def sdk_folder() -> Iterator[Path]:
    """Where the SDK makes its folders, which it leaves, as it does containers and a network.

    In the system's temporary folder: the SDK mounts nothing from home folders.
    """
    with tempfile.TemporaryDirectory(prefix="sdk-local-mode-", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder).resolve()
        finally:
            label = "com.docker.compose.project.working_dir"
            form = f'{{{{.ID}}}} {{{{.Label "{label}"}}}}'
            listed = _docker("ps", "--all", "--filter", f"label={label}", "--format", form).splitlines()
            for line in listed:
                identity, _, where = line.partition(" ")
                if Path(where).is_relative_to(Path(folder).resolve()):
                    _docker("rm", "--force", "--volumes", identity)
            _docker("network", "rm", _NETWORK)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True).stdout


def main(argv: Sequence[str]) -> int:
    """Run it, and print how it went."""
    parser = argparse.ArgumentParser(prog="run_in_sdk.py")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data set")
    parser.add_argument("--candidates", default="baseline", help="the models, with commas")
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    args = parser.parse_args(argv)
    values = parse_parameters(args.param)
    isolate(os.environ)
    with tempfile.TemporaryDirectory() as temporary:
        home = Home.open(Path(os.environ.get("FASHION_HOME") or temporary))
        found = run_in_local_mode(home, args.data, values, args.candidates.split(","))
    shown = {"statuses": found.statuses, "gate": found.gate, "reason": found.reason}
    winner = (found.evaluation.get("winner") or {}).get("name")
    print(json.dumps({**shown, "winner": winner, "registered": len(found.packages)}, indent=2))
    return 0 if "Failed" not in found.statuses.values() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
