"""`mlflow` and --mlflow: what is refused before anything is asked or run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.command import check_refusal, run

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mlflow", "--all"], "shows all executions in the local store, and takes no --all"),
        (["mlflow", "--mlflow", "local"], "takes no --mlflow"),
        (["mlflow", "--target", "sagemaker"], "opened in SageMaker Studio"),
        (
            ["mlflow", "publish", "8f3a", "--all"],
            "Name an execution or say --all, not both (got 8f3a --all).",
        ),
        (["mlflow", "publish", "--mlflow", APP], "goes with --target sagemaker"),
        (["mlflow", "publish"], "there is none yet. Start one with: python -m pipeline run"),
        (["mlflow", "publish", "--all"], "There is no execution to publish yet."),
        (["mlflow", "publish", "--mlflow", "nowhere"], "'nowhere' is not the address of a server"),
        (["mlflow", "show"], "invalid choice: 'show'"),
        (["mlflow", "--port", "99999"], "the port must be from 0 to 65535, not 99999"),
        (["run", "--mlflow", "nowhere"], "'nowhere' is not the address of a server"),
        (["run", "--mlflow", APP], "a run on this machine asks no AWS account"),
        (["run", "--mlflow", APP, "--target", "docker"], "a run on this machine asks no AWS account"),
        (["study", "--mlflow", APP], "asks no AWS account"),
        (["resume", "--mlflow", "nowhere"], "'nowhere' is not the address of a server"),
        (["definition", "--mlflow"], "A definition can name only an MLflow app or tracking server"),
        (["definition", "--mlflow", "nowhere"], "'nowhere' is not the address of a server"),
        (["show", "--mlflow"], "--mlflow goes with --follow"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, words: list[str], expected: str) -> None:
    home = tmp_path / "home"
    check_refusal(run(home, *words), 2, expected)
    assert not (home / "mlflow" / "mlflow.db").exists()
