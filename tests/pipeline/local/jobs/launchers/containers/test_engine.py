"""Finding the engine: what it says when there is none, and which program it is; no container is started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.cli.main import main
from pipeline.local.jobs.launchers.containers.engine import EngineError, EngineMissing, find_engine

FakeDocker = Callable[..., Path]


def test_a_missing_command_is_said_with_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        EngineMissing, match=r"neither docker nor podman .*apt-get install docker.io"
    ) as caught:
        find_engine()
    assert caught.value.exit_status == 2


def test_a_stopped_engine_is_said_with_how_to_start_it(fake_docker: FakeDocker) -> None:
    fake_docker("echo 'Cannot connect to the Docker daemon. Is it running?' >&2; exit 1")
    with pytest.raises(
        EngineMissing, match=r"does not answer: Cannot connect .* Start it \(Linux: .*docker info"
    ):
        find_engine()


def test_an_engine_that_the_user_may_not_use_is_said_with_the_group(fake_docker: FakeDocker) -> None:
    fake_docker("echo 'permission denied while trying to connect to the socket' >&2; exit 1")
    with pytest.raises(EngineMissing, match=r"permission denied .*usermod -aG docker"):
        find_engine()


def test_podman_is_known_under_dockers_name_too(fake_docker: FakeDocker) -> None:
    fake_docker('case "$1" in --version) echo "podman version 4.3.1" ;; *) echo 4.3.1 ;; esac')
    engine = find_engine()
    assert (engine.name, engine.address.listens_at, engine.address.network) == ("podman", "127.0.0.1", "host")


def test_podman_is_taken_where_there_is_no_docker(fake_docker: FakeDocker) -> None:
    programs = fake_docker('echo "podman version 4.3.1"').parent / "programs"
    (programs / "docker").rename(programs / "podman")
    assert find_engine().is_podman


def test_what_the_engine_said_is_in_the_error(fake_docker: FakeDocker) -> None:
    fake_docker('case "$1" in rm) echo "no such container" >&2; exit 3 ;; *) echo 28.2.2 ;; esac')
    engine = find_engine()
    with pytest.raises(EngineError, match=r"docker rm abc ended with status 3: no such container"):
        engine("rm", "abc")
    assert engine.quietly("rm", "abc") == ""


def test_a_warning_is_no_part_of_the_answer(fake_docker: FakeDocker) -> None:
    fake_docker("echo 'WARNING: no config file' >&2; echo answer")
    assert find_engine()("ps") == "answer"


def test_an_image_is_told_by_what_is_in_it(fake_docker: FakeDocker) -> None:
    config = '[{"Id": "sha256:1", "Config": {"Entrypoint": ["serve"], "Cmd": null}}]'
    fake_docker(f"case \"$*\" in *mine) echo '{config}' ;; *theirs) exit 1 ;; *) echo 28 ;; esac")
    image = find_engine().find_image("mine")
    assert image is not None
    assert (image.id, image.command(["train"]), image.command()) == (
        "sha256:1",
        ["serve", "train"],
        ["serve"],
    )
    assert find_engine().find_image("theirs") is None


def test_an_engine_in_a_virtual_machine_reaches_our_loopback_by_name(fake_docker: FakeDocker) -> None:
    fake_docker("echo no-such-bridge0")
    address = find_engine().address
    assert (address.listens_at, address.reached_at) == ("127.0.0.1", "host.docker.internal")


def test_a_bridge_of_this_machine_is_where_containers_reach_us(fake_docker: FakeDocker) -> None:
    loopback = next(
        name
        for name, found in psutil.net_if_addrs().items()
        if "127.0.0.1" in [each.address for each in found]
    )
    fake_docker(f"echo {loopback}")
    address = find_engine().address
    assert address.listens_at == address.reached_at == "127.0.0.1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_data_set: Path) -> Path:
    monkeypatch.setenv("FASHION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FASHION_DATA", str(small_data_set))
    return tmp_path / "home"


@pytest.mark.parametrize(
    "words", [("--target", "docker"), ("--launcher", "container")], ids=["target", "launcher"]
)
def test_a_run_without_an_engine_ends_before_anything_starts(
    fake_docker: FakeDocker, home: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_docker("echo 'Cannot connect' >&2; exit 1")
    assert main(["run", *words, "--any-data"]) == 2
    assert "error: Jobs cannot run in containers: the engine does not answer" in capsys.readouterr().err
    assert not list(home.glob("executions/*"))
