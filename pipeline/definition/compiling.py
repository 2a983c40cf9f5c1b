"""Compiles the definition with the SageMaker SDK."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.definition.preferences import with_preferences
from pipeline.definition.settings import Settings

# The SDK reports each call to its makers unless this is set.
# The same as the file below.
NO_TELEMETRY = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}

# In the place of the configuration files of the machine and of its user, which may be broken, on S3, or name roles
# and networks: a definition depends on what the command is told, and on nothing else.
SDK_DEFAULTS = Path(__file__).with_name("sdk_defaults.yaml")
_CONFIG_FILES = ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE")


def compile_definition(settings: Settings, boto_session: Any) -> str:
    """The definition for `settings`, as JSON text. Uploads the code to the bucket, which must exist.

    The first call imports the SDK, which takes seconds.
    """

    def make_session() -> Any:
        from sagemaker.core.workflow.pipeline_context import PipelineSession

        class GivenBucket(PipelineSession):  # type: ignore[misc]
            """Left alone, the SDK lists all buckets of the account, and makes one that it does not find."""

            def default_bucket(self) -> str:
                return settings.bucket

        return GivenBucket(
            boto_session=boto_session,
            sagemaker_client=boto_session.client("sagemaker"),
            default_bucket=settings.bucket,
            sagemaker_config=NO_TELEMETRY,
        )

    return compile_pipeline(settings, make_session)[1]


def compile_pipeline(settings: Settings, make_session: Callable[[], Any]) -> tuple[Any, str]:
    """The SDK's Pipeline, made in the session that `make_session` returns, and its definition as JSON text."""
    # The SDK makes clients while it is imported, and asks IAM to simulate the roles' policies when it compiles.
    os.environ.setdefault("AWS_DEFAULT_REGION", settings.region)
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    os.environ.update(dict.fromkeys(_CONFIG_FILES, str(SDK_DEFAULTS)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the SDK's own modules do is no news for its users
        from pipeline.definition.builder import DefinitionBuilder, definition_text
        from pipeline.definition.sdk_monitor import MonitorBuilder
        from pipeline.definition.sdk_once import do_once

    quiet_sdk()
    do_once()
    builder = MonitorBuilder if settings.kind == "monitor" else DefinitionBuilder
    pipeline = builder(settings, make_session()).build()
    text = definition_text(pipeline)
    if settings.kind == "training" and settings.instance_preferences:
        text = with_preferences(text, settings.instance_preferences)
    return pipeline, text


def quiet_sdk() -> None:
    """Keeps the SDK's remarks about normal operation from the user; its errors still show."""
    # It sets its loggers and the root logger to INFO, and warns of each job name that it leaves to the pipeline.
    logging.disable(logging.INFO)
    logging.getLogger("sagemaker.core.workflow.utilities").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="Running within a PipelineSession")
