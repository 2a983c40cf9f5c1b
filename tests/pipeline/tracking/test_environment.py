"""The environment of MLflow's processes."""

from __future__ import annotations

from pipeline.tracking.environment import client_environment, server_environment

USERS = {
    "PATH": "/bin",
    "AWS_PROFILE": "mine",
    "MLFLOW_TRACKING_URI": "http://elsewhere",
    "MLFLOW_RUN_ID": "0a",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "7",
    "MLFLOW_TRACKING_TOKEN": "secret",
    "MLFLOW_DISABLE_TELEMETRY": "false",
    "_MLFLOW_SERVER_FILE_STORE": "sqlite:////elsewhere.db",
}


def test_a_publisher_asks_once_and_publishes_where_it_was_told() -> None:
    found = client_environment(USERS, "http://here")
    assert found["MLFLOW_TRACKING_URI"] == "http://here"
    assert found["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert found["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "3"
    assert "MLFLOW_RUN_ID" not in found


def test_how_to_sign_in_is_the_users_to_say() -> None:
    found = client_environment(USERS, "http://here")
    assert (found["MLFLOW_TRACKING_TOKEN"], found["AWS_PROFILE"]) == ("secret", "mine")


def test_a_server_runs_no_jobs_and_nothing_that_the_user_has_set() -> None:
    found = server_environment(USERS)
    assert found["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert "_MLFLOW_SERVER_FILE_STORE" not in found
    assert "MLFLOW_TRACKING_URI" not in found


def test_neither_sends_telemetry() -> None:
    for found in (client_environment(USERS, "http://here"), server_environment(USERS)):
        assert (found["MLFLOW_DISABLE_TELEMETRY"], found["DO_NOT_TRACK"]) == ("true", "true")
