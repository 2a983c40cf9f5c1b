"""Where --mlflow says that executions are published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.cli.parser import build_parser
from pipeline.errors import UsageError
from pipeline.local.state.state_dir import Home
from pipeline.tracking.place import DEFAULT, LOCAL, check_place, find_place, is_arn, place_of_stack
from tests.pipeline.targets.aws.stubbed import STACK

APP = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-app/app-ABCDEFGHIJKL"
SERVER = "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/mine"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (DEFAULT, "local"),
        (LOCAL, "local"),
        ("http://127.0.0.1:5000", "server"),
        ("https://mlflow.example.com/team", "server"),
        (APP, "sagemaker"),
        (SERVER, "sagemaker"),
    ],
)
def test_a_place_is_known_by_what_it_is_called(tmp_path: Path, text: str, kind: str) -> None:
    place = find_place(text, Home.open(tmp_path / "home"))
    assert place.kind == kind
    assert place.uri == ("sqlite:///mlflow.db" if kind == "local" else text)
    assert place.folder == tmp_path / "home" / "mlflow"
    assert place.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "'' is not the address of a server. Give --mlflow alone for the store in the state folder"),
        ("8f3a", "'8f3a' is not the address of a server"),
        ("127.0.0.1:5000", "is not the address of a server"),
        ("http://", "is not the address of a server"),
        ("http://h:99999", "is not the address of a server"),
        ("http://a b", "is not the address of a server"),
        ("file:///tmp/runs", "is not the address of a server"),
        ("sqlite:////tmp/x.db", "is not the address of a server"),
        ("databricks", "is not the address of a server"),
        ("arn:aws:s3:::bucket", "is not the ARN of an MLflow app or tracking server"),
        (APP.replace("mlflow-app", "mlflow-thing"), "is not the ARN"),
        (f"{APP} ", "is not the ARN"),
    ],
)
def test_what_is_no_place_is_refused_with_what_would_be_one(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_place(text)
    assert expected in str(caught.value)


def test_the_flag_alone_means_the_default_place() -> None:
    parser = build_parser()
    assert parser.parse_args(["run", "--mlflow"]).mlflow == DEFAULT
    assert parser.parse_args(["run", "--mlflow", APP]).mlflow == APP
    assert parser.parse_args(["run"]).mlflow is None


def test_on_sagemaker_the_flag_alone_means_the_app_of_the_stack() -> None:
    assert place_of_stack(DEFAULT, replace(STACK, mlflow_app=APP)) == APP
    assert place_of_stack(LOCAL, replace(STACK, mlflow_app=APP)) == LOCAL
    assert place_of_stack(SERVER, STACK) == SERVER
    assert place_of_stack(None, STACK) is None


def test_a_stack_without_an_app_is_told_how_to_get_one() -> None:
    with pytest.raises(UsageError, match="CreateMlflowApp=true"):
        place_of_stack(DEFAULT, STACK)


def test_an_arn_is_told_from_an_address() -> None:
    assert is_arn(APP)
    assert not is_arn("http://127.0.0.1:5000")
