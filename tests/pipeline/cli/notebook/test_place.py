"""In Studio or not, from Studio's metadata file and the environment."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from pipeline.cli.notebook.place import Place, find_place
from pipeline.cli.notebook.role import find_role

ROLE = "arn:aws:iam::111122223333:role/service-role/AmazonSageMaker-ExecutionRole-20260101T000000"
SPACE: dict[str, Any] = {
    "AppType": "CodeEditor",
    "DomainId": "d-abcdefghijkl",
    "SpaceName": "fashion",
    "ExecutionRoleArn": ROLE,
    "ResourceArn": "arn:aws:sagemaker:eu-west-1:111122223333:app/d-abcdefghijkl/fashion/CodeEditor/default",
    "ResourceName": "default",
}


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "nothing"


def in_space(tmp_path: Path, content: str, docker_socket: Path, **environ: str) -> Place:
    metadata = tmp_path / "resource-metadata.json"
    metadata.write_text(content)
    return find_place(environ, metadata, docker_socket)


def said(place: Place) -> str:
    return "\n".join(f"{name}: {value}" for name, value in place.facts())


def test_a_space_tells_its_role_and_its_region(tmp_path: Path, nowhere: Path) -> None:
    place = in_space(tmp_path, json.dumps(SPACE), nowhere, AWS_REGION="us-east-1")
    assert place.in_studio
    assert (place.role, place.region) == (ROLE, "eu-west-1")
    assert "space fashion Code Editor, domain d-abcdefghijkl" in said(place)
    assert f"Execution role: {ROLE}" in said(place)


def test_what_the_metadata_do_not_tell_is_taken_from_the_environment_or_said_to_be_unknown(
    tmp_path: Path, nowhere: Path
) -> None:
    place = in_space(
        tmp_path,
        '{"AppType": "JupyterLab"}',
        nowhere,
        AWS_DEFAULT_REGION="eu-north-1",
        SAGEMAKER_SPACE_NAME="mine",
    )
    assert (place.app, place.space, place.region, place.role) == ("JupyterLab", "mine", "eu-north-1", None)
    assert "Execution role: unknown" in said(place)


@pytest.mark.parametrize("content", [None, "not JSON", "[]", '{"ResourceName": "a notebook instance"}'])
def test_elsewhere_no_role_is_claimed_and_none_is_asked_for(
    tmp_path: Path, nowhere: Path, content: str | None
) -> None:
    place = find_place({}, nowhere, nowhere) if content is None else in_space(tmp_path, content, nowhere)
    assert not place.in_studio
    assert place.role is None
    assert "Execution role: none, and none is needed" in said(place)
    assert "not SageMaker Studio" in said(place)


def test_dockers_socket_says_whether_the_domain_allows_it(tmp_path: Path, nowhere: Path) -> None:
    assert "EnableDockerAccess=ENABLED" in said(in_space(tmp_path, json.dumps(SPACE), nowhere))
    docker = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(docker))
        lacking = in_space(tmp_path, json.dumps(SPACE), docker, PATH=str(nowhere))
        assert "the docker command is missing" in said(lacking)
        (tmp_path / "docker").write_text("#!/bin/sh\n")
        (tmp_path / "docker").chmod(0o755)
        ready = in_space(tmp_path, json.dumps(SPACE), docker, PATH=str(tmp_path))
        assert "the SDK's local mode can be used" in said(ready)


class Clients:
    """Stubbed clients of STS and IAM."""

    def __init__(self, caller: str | None) -> None:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "eu-west-1"}
        self.clients = {name: boto3.client(name, **keys) for name in ("sts", "iam")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()
        if caller is None:
            self.stubs["sts"].add_client_error("get_caller_identity", "ExpiredToken")
        else:
            answer = {"Arn": caller, "Account": "111122223333", "UserId": "X"}
            self.stubs["sts"].add_response("get_caller_identity", answer, {})

    def __call__(self, service: str) -> Any:
        return self.clients[service]


ASSUMED = "arn:aws:sts::111122223333:assumed-role/AmazonSageMaker-ExecutionRole-20260101T000000/SageMaker"


def test_the_role_of_a_space_has_its_path() -> None:
    clients = Clients(ASSUMED)
    name = ROLE.rpartition("/")[2]
    role = {
        "Path": "/service-role/",
        "RoleName": name,
        "RoleId": "AROAXXXXXXXXXXXXXXXXX",
        "Arn": ROLE,
        "CreateDate": "2026-01-01T00:00:00Z",
    }
    clients.stubs["iam"].add_response("get_role", {"Role": role}, {"RoleName": name})
    assert find_role(clients) == ROLE


def test_a_role_that_may_not_look_itself_up_is_named_without_its_path() -> None:
    clients = Clients(ASSUMED)
    clients.stubs["iam"].add_client_error("get_role", "AccessDenied")
    assert find_role(clients) == ROLE.replace("service-role/", "")


def test_a_user_is_named_as_it_is() -> None:
    assert find_role(Clients("arn:aws:iam::111122223333:user/ada")) == "arn:aws:iam::111122223333:user/ada"


def test_expired_credentials_are_an_error_of_sts() -> None:
    with pytest.raises(ClientError, match="ExpiredToken"):
        find_role(Clients(None))
