"""What an execution's evaluation wrote to the bucket, brought to the state folder, and the report made of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import StateError
from pipeline.execution import StepRecord
from pipeline.local.state.object_body import DamagedError, body_of
from pipeline.local.state.state_dir import Home
from pipeline.report.outcome import LARGE, SMALL, Outcome, read_files
from pipeline.targets.aws.account import Account
from pipeline.targets.aws.aws_errors import AWS_ERRORS, is_missing, translate_errors
from pipeline.targets.aws.jobs import describe
from pipeline.targets.aws.records import AwsExecution, JobRef, job_of

EVALUATION_STEP, OUTPUT = "Evaluate", "evaluation"


def results_folder(home: Home, execution_id: str) -> Path:
    """Where an execution's downloaded results and its report lie."""
    return home.root / "sagemaker" / execution_id


def report_file(home: Home, execution_id: str) -> Path | None:
    """The report of an execution, where it was built; None when there is none."""
    if not re.fullmatch(r"[A-Za-z0-9]+", execution_id):  # a package's metadata may say anything
        return None
    report = results_folder(home, execution_id) / "report.html"
    return report if report.is_file() else None


def fetch_outcome(account: Account, home: Home, execution: AwsExecution, *, predictions: bool) -> Outcome:
    """What the execution's evaluation wrote; with the large files too if `predictions`.

    Downloads anew each time: a retried execution may have evaluated again.

    Raises:
        CredentialsError, AwsError: the results are there and cannot be read.
        StateError: they cannot be written here.
    """
    folder = results_folder(home, execution.record.execution_id)
    shown = report_file(home, execution.record.execution_id)
    step = next((each for each in execution.record.steps if each.name == EVALUATION_STEP), None)
    if step is None or step.status != "Succeeded":
        return Outcome(None, None, None, shown)
    with translate_errors(f"Reading the results of execution {execution.record.execution_id}"):
        job = execution.jobs.get(EVALUATION_STEP) or job_of_source(
            account.client("sagemaker"), execution.arn, step
        )
        if job is None:
            return Outcome(None, None, None, shown)
        described = describe(account.client("sagemaker"), job)
        uri = output_uri(described, OUTPUT)
        names = SMALL + (LARGE if predictions else ())
        files, damaged = ({}, {}) if uri is None else download(account.client("s3"), uri, names, folder)
    return read_files(files, step.reused_from, shown, damaged=damaged, own=True)


def job_of_source(client: Any, arn: str, step: StepRecord) -> JobRef | None:
    """The job of the execution whose result a step reused: AWS does not say whether a reused step names its job.

    Raises what boto3 raises.
    """
    if step.reused_from is None:
        return None
    source = f"{arn.rpartition('/')[0]}/{step.reused_from}"
    for page in client.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=source):
        for listed in page["PipelineExecutionSteps"]:
            if listed["StepName"] == step.name:
                return job_of(listed)
    return None


def output_uri(described: Mapping[str, Any], name: str) -> str | None:
    """The S3 URI of a job's output of that name, by its Describe response, without a slash at its end."""
    for output in described.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if output["OutputName"] == name:
            return str(output["S3Output"]["S3Uri"]).rstrip("/")
    return None


def download(
    s3: Any, uri: str, names: tuple[str, ...], folder: Path
) -> tuple[dict[str, Path], dict[str, str]]:
    """The files called `names` below the prefix `uri`, those that exist, each whole or not at all.

    The second value says of a file what is wrong with it, where it arrived damaged.

    Raises what boto3 raises, and StateError.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    files: dict[str, Path] = {}
    damaged: dict[str, str] = {}
    for name in names:
        file = folder / name
        partial = file.with_name(f".{name}.partial")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as out:
                for chunk in body_of(s3, bucket, f"{prefix}/{name}"):
                    out.write(chunk)
            partial.replace(file)
        except DamagedError as error:
            damaged[name] = str(error)
            continue
        except OSError as error:
            raise StateError(
                f"Could not write {file}: {error.strerror or error}. Free some space, or set FASHION_HOME to "
                "a folder that you can write."
            ) from error
        except AWS_ERRORS as error:
            if not is_missing(error):
                raise
            continue
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        files[name] = file
    return files, damaged
