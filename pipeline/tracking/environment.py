"""The environment of MLflow's processes: where they publish is what they are told, whatever the user has set."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.tracking.patience import CALL_SECONDS

# How to sign in at a server, and how to trust it, is the user's to say.
_KEPT = (
    "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_S3_ENDPOINT_URL", "MLFLOW_S3_IGNORE_TLS",
)  # fmt: skip
# Off on both sides: a server asks its clients for more.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


def client_environment(environ: Mapping[str, str], uri: str) -> dict[str, str]:
    """`environ` for a process that publishes to `uri`: it asks once, and waits no longer than it should."""
    seconds = f"{CALL_SECONDS:.0f}"
    return {
        **_without_settings(environ),
        **_QUIET,
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": seconds,
        "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": seconds,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def server_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a server that shows runs and does nothing else: it runs no jobs and calls no models."""
    return {
        **_without_settings(environ),
        **_QUIET,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
    }


def _without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not name.startswith(("MLFLOW_", "_MLFLOW_"))
    }
