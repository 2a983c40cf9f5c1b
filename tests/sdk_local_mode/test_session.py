"""The adapter and the SDK it adapts, without containers: a job that fails before there is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pipeline.definition.compiling import compile_definition, compile_pipeline
from pipeline.definition.settings import Choices, Settings, local_settings
from pipeline.errors import StepFailed
from pipeline.local.state.local_aws import LocalAws


@pytest.fixture(scope="module")
def settings(aws: LocalAws) -> Settings:
    settings = local_settings(aws.ACCOUNT, aws.REGION, candidates=("baseline", "cnn-3x3"))
    aws.ensure_bucket(settings.bucket)
    return settings


@pytest.fixture(scope="module")
def compiled(sdk: ModuleType, aws: LocalAws, settings: Settings) -> tuple[Any, Any, str]:
    """The session, the pipeline and the definition."""
    session = sdk.ComposeSession(aws.endpoint_url, aws.credentials, settings.bucket)
    pipeline, text = compile_pipeline(settings, lambda: session)
    return session, pipeline, text


def test_docker_runs_the_very_definition_that_the_local_engine_runs(
    compiled: Any, aws: LocalAws, settings: Settings
) -> None:
    assert compiled[2] == compile_definition(settings, aws.session())


def test_it_compiles_the_same_with_all_options_for_sagemakers_machines(
    sdk: ModuleType, aws: LocalAws, settings: Settings
) -> None:
    options: Choices = {
        "spot": True,
        "subnets": ("subnet-1",),
        "security_groups": ("sg-1",),
        "kms_key": "alias/fashion-mnist",
        "network_isolation": True,
        "encrypt_traffic": True,
        "tags": (("CostCenter", "1234"),),
    }
    all_on = replace(settings, **options)
    session = sdk.ComposeSession(aws.endpoint_url, aws.credentials, settings.bucket)
    assert compile_pipeline(all_on, lambda: session)[1] == compile_definition(all_on, aws.session())


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    def step_started(self, name: str) -> None:
        self.heard.append(("started", name))

    def step_succeeded(self, name: str, properties: Any) -> None:
        self.heard.append(("succeeded", name))

    def step_failed(self, name: str, reason: str) -> None:
        self.heard.append(("failed", name, reason))


def test_a_job_that_fails_ends_the_execution_with_its_reason(
    sdk: ModuleType, compiled: Any, tmp_path: Path
) -> None:
    session, pipeline, _ = compiled
    requests: list[tuple[str, dict[str, Any]]] = []

    def run_job(create: Any, job_name: str, request: dict[str, Any]) -> None:
        requests.append((create.__name__, request))
        raise StepFailed("exit status 1\nlast words")

    session.connect(tmp_path, run_job)
    listener = Listener()
    given = {
        "InputDataUri": "s3://bucket/raw",
        "ProcessingImageUri": "jobs:1",
        "ProcessingInstanceType": "local",
    }
    sdk.execute_pipeline(pipeline, session, "abcdef123456", given, listener)
    assert listener.heard == [
        ("started", "NormalizeData"),
        ("failed", "NormalizeData", "StepFailed: exit status 1\nlast words"),
    ]
    ((function, request),) = requests
    assert function == "create_processing_job"
    assert request["AppSpecification"]["ImageUri"] == "jobs:1"
    output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert output.endswith("/executions/abcdef123456/processed")


def test_what_a_listener_raises_ends_the_execution_and_is_not_swallowed(
    sdk: ModuleType, compiled: Any, tmp_path: Path
) -> None:
    class Full(Listener):
        def step_started(self, name: str) -> None:
            raise OSError("disk full")

    session, pipeline, _ = compiled
    session.connect(tmp_path, lambda create, job_name, request: None)
    with pytest.raises(OSError, match="disk full"):
        sdk.execute_pipeline(pipeline, session, "abcdef123456", {}, Full())


def test_containers_would_get_the_runs_own_credentials_and_the_users_defaults_are_not_read(
    sdk: ModuleType, aws: LocalAws, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    defaults = "{PythonSDK: {Modules: {Session: {DefaultS3Bucket: mine}}}}"
    config.write_text(f"SchemaVersion: '1.0'\nSageMaker: {defaults}\n")
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(config))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    session = sdk.ComposeSession(aws.endpoint_url, aws.credentials, settings.bucket)
    assert session.default_bucket() == settings.bucket
    credentials = session.boto_session.get_credentials()
    assert (credentials.access_key, credentials.token) == (aws.credentials.access_key, None)
