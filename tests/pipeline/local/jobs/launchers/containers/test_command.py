"""The words that run a container, and what they do not tell; no engine is needed."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.image import Image, InImage
from pipeline.local.jobs.launchers.containers.command import ToRun, run_command, run_environment
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.local.jobs.launchers.containers.sweep import mount
from pipeline.local.jobs.launchers.launcher import ToStart

OF = InImage(Image("jobs:1", "sha256:1"), "algo-1", 1)


def asked(root: Path, **environment: str) -> ToRun:
    container = Container(root, ("/opt/ml/processing/in", "/data/"), Path("/"), OF)
    start = ToStart(container, ["python3", "a.py", "--b"], "/", environment)
    return ToRun("a-name", "1.2.3.4", start, OF)


def words_after(words: list[str], flag: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == flag]


def test_the_program_is_the_entry_point_and_nothing_is_pulled(tmp_path: Path) -> None:
    words = run_command(Engine("/bin/docker"), asked(tmp_path))
    assert words[:2] == ["/bin/docker", "run"]
    assert words[-4:] == ["python3", "jobs:1", "a.py", "--b"]
    assert words_after(words, "--pull") == ["never"]
    assert "--init" in words
    assert "--workdir" not in words
    mounts = [mount(f"{tmp_path}{folder}", folder) for folder in ("/opt/ml", "/data")]
    assert words_after(words, "--mount") == mounts


def test_podmans_init_is_told_to_signal_the_whole_group(tmp_path: Path) -> None:
    words = run_command(Engine("/bin/podman", is_podman=True), asked(tmp_path))
    assert words_after(words, "--entrypoint") == ["/run/podman-init"]
    assert words[-6:] == ["jobs:1", "-g", "--", "python3", "a.py", "--b"]
    assert "--init" in words


def test_values_of_variables_are_not_on_the_command_line_but_for_the_engines_own(tmp_path: Path) -> None:
    secret = {"AWS_SECRET_ACCESS_KEY": "secret", "TOKEN": "mine"}
    given = {**secret, "HOME": "/there", "DOCKER_HOST": "x", "no_proxy": "y"}
    words = run_command(Engine("docker"), asked(tmp_path, **given))
    assert words_after(words, "--env") == [
        "AWS_SECRET_ACCESS_KEY", "TOKEN", "HOME=/there", "DOCKER_HOST=x", "no_proxy=y",
    ]  # fmt: skip
    user = {"HOME": "/home/me", "AWS_SECRET_ACCESS_KEY": "real", "AWS_PROFILE": "real", "PATH": "/bin"}
    assert run_environment(user, given) == {
        "HOME": "/home/me",
        "PATH": "/bin",
        **secret,
    }


@pytest.mark.parametrize("source", ["/a b", "/a,b", '/a"b', "/a:b", "/a'b"])
def test_a_mount_is_one_line_of_csv(source: str) -> None:
    (row,) = csv.reader([mount(source, "/opt/ml")])
    assert row == ["type=bind", f"source={source}", "target=/opt/ml"]


def test_a_server_is_found_on_loopback_alone(tmp_path: Path) -> None:
    run = asked(tmp_path)
    serving = replace(run, asked=replace(run.asked, port=20001))
    assert words_after(run_command(Engine("docker"), serving), "--publish") == ["127.0.0.1:20001:8080"]
    shared = replace(serving, network="host")
    assert words_after(run_command(Engine("podman", is_podman=True), shared), "--publish") == []


def test_a_host_of_several_is_found_by_its_name(tmp_path: Path) -> None:
    of = replace(OF, host="algo-2", network="net")
    words = run_command(Engine("docker"), replace(asked(tmp_path), of=of, network="net"))
    assert words_after(words, "--network") == ["net"]
    assert words_after(words, "--network-alias") == words_after(words, "--hostname") == ["algo-2"]
