from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pipeline.cli import main
from pipeline.docker.engine import DockerError, docker, find_address, require_engine, require_image
from tests.pipeline.docker.conftest import FakeDocker


def test_a_missing_docker_command_is_said_with_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError, match=r"Received: none on the PATH. .*apt-get install docker.io"):
        require_engine()


def test_a_stopped_engine_is_said_with_how_to_start_it(fake_docker: FakeDocker):
    fake_docker("echo 'Cannot connect to the Docker daemon. Is it running?' >&2; exit 1")
    with pytest.raises(DockerError, match=r"Received: Cannot connect .* Start it \(Linux: .*docker info"):
        require_engine()


def test_an_engine_that_the_user_may_not_use_is_said_with_the_group(fake_docker: FakeDocker):
    fake_docker("echo 'permission denied while trying to connect to the socket' >&2; exit 1")
    with pytest.raises(DockerError, match=r"Received: permission denied .*usermod -aG docker"):
        require_engine()


@pytest.mark.parametrize(
    "script",
    [
        'case "$1" in compose) echo "unknown command: docker compose" >&2; exit 1 ;; esac; echo 28.2.2',
        'case "$1" in compose) echo "docker-compose version 1.29.2" ;; *) echo 28.2.2 ;; esac',
    ],
    ids=["none", "too old a plugin"],
)
def test_missing_compose_is_said_with_how_to_get_it(fake_docker: FakeDocker, script: str):
    fake_docker(script, compose=False)
    with pytest.raises(DockerError, match=r"neither the plugin .* nor docker-compose\. Install one"):
        require_engine()


def test_an_old_compose_command_is_enough(fake_docker: FakeDocker):
    calls = fake_docker('case "$1" in compose) exit 1 ;; esac; echo 28.2.2', compose=False)
    program = calls.parent / "programs" / "docker-compose"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    require_engine()


def test_an_engine_with_compose_is_enough(fake_docker: FakeDocker):
    fake_docker("echo 28.2.2")
    require_engine()


def test_a_missing_image_is_said_with_how_to_build_it(fake_docker: FakeDocker):
    fake_docker("echo 'No such image' >&2; exit 1")
    with pytest.raises(DockerError, match=r"expected the image jobs:1. .*make image .*BASE=") as caught:
        require_image("jobs:1")
    assert caught.value.exit_status == 1


def test_a_missing_image_of_awss_is_said_with_how_to_pull_it(fake_docker: FakeDocker):
    fake_docker("exit 1")
    image = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/tensorflow-training:2.21.0-cpu-py312"
    with pytest.raises(DockerError) as caught:
        require_image(image)
    assert "aws ecr get-login-password --region eu-west-1 | docker login" in str(caught.value)
    assert f"docker pull {image}" in str(caught.value)


def test_what_docker_said_is_in_the_error(fake_docker: FakeDocker):
    fake_docker("echo 'no such container' >&2; exit 3")
    with pytest.raises(DockerError, match=r"Calling docker rm abc: .* Received: 3, no such container"):
        docker("rm", "abc")
    assert docker("rm", "abc", check=False) == ""


def test_a_warning_is_no_part_of_the_answer(fake_docker: FakeDocker):
    fake_docker("echo 'WARNING: no config file' >&2; echo answer")
    assert docker("ps") == "answer"


def test_an_engine_in_a_virtual_machine_reaches_our_loopback_by_name(fake_docker: FakeDocker):
    fake_docker("echo no-such-bridge0")
    address = find_address()
    assert (address.listens_at, address.reached_at) == ("127.0.0.1", "host.docker.internal")


def test_a_bridge_of_this_machine_is_where_containers_reach_us(fake_docker: FakeDocker):
    loopback = next(
        name
        for name, found in psutil.net_if_addrs().items()
        if "127.0.0.1" in [each.address for each in found]
    )
    fake_docker(f"echo {loopback}")
    assert find_address().listens_at == find_address().reached_at == "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_run_without_an_engine_ends_before_anything_starts(fake_docker: FakeDocker, home: Path, capsys):
    fake_docker("echo 'Cannot connect' >&2; exit 1")
    assert main(["run", "--target", "docker"]) == 1
    assert capsys.readouterr().err.startswith("error: Preparing TARGET=docker: expected a Docker engine")
    assert not home.exists()


def test_a_run_without_the_image_ends_before_anything_starts(fake_docker: FakeDocker, home: Path, capsys):
    fake_docker('case "$1" in version) echo 28 ;; *) exit 1 ;; esac')
    assert main(["run", "--target", "docker", "--param", "TrainingImageUri=mine:1"]) == 1
    assert "expected the image fashion-mnist-jobs:" in capsys.readouterr().err
    assert not home.exists()


def test_an_instance_type_that_is_not_local_is_wrong_usage(fake_docker: FakeDocker, home: Path, capsys):
    fake_docker("exit 1")
    assert main(["run", "--target", "docker", "--param", "TrainingInstanceType=ml.g5.xlarge"]) == 2
    assert "expected TrainingInstanceType=local or local_gpu" in capsys.readouterr().err


def test_a_definition_file_does_not_run_in_docker(tmp_path: Path, home: Path, capsys):
    file = tmp_path / "definition.json"
    file.write_text("{}")
    assert main(["run", "--target", "docker", "--definition", str(file)]) == 2
    assert "expected --target local" in capsys.readouterr().err
