from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.local.jobs.launchers.containers.engine import EngineError
from pipeline.targets.job_image import CONTEXT, DEFAULT_BASE, build_image, image_tag, make_base

FakeDocker = Callable[..., Path]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    shutil.copytree(CONTEXT, folder)
    return folder


def test_the_tag_says_what_is_in_the_image(context: Path):
    tag = image_tag(context)
    assert re.fullmatch(r"fashion-mnist-jobs:[0-9a-f]{12}", tag)
    assert tag == image_tag()
    (context / "start_engine.sh").write_text("changed")
    assert image_tag(context) == tag
    for name in ("Dockerfile", "requirements.lock"):
        before = image_tag(context)
        with (context / name).open("a") as file:
            file.write("# changed\n")
        assert image_tag(context) != before


def test_the_default_base_is_the_dockerfiles():
    assert f"ARG BASE={DEFAULT_BASE}\n" in (CONTEXT / "Dockerfile").read_text()


def test_make_image_builds_on_the_base_given(fake_docker: FakeDocker, capsys):
    calls = fake_docker()
    assert main(["image", "--base", "my-python:3"]) == 0
    assert capsys.readouterr().out == f"{image_tag()}\n"
    build = calls.read_text().splitlines()[-1]
    assert build.startswith("build --network host --build-arg BASE=my-python:3 ")
    assert f" --tag {image_tag()} /" in build


def test_the_users_package_index_is_used(fake_docker: FakeDocker, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror/simple")
    calls = fake_docker()
    build_image()
    assert "--build-arg PIP_INDEX_URL " in calls.read_text()


def test_the_certificates_that_the_machine_trusts_are_sent(fake_docker: FakeDocker, tmp_path, monkeypatch):
    certificates = tmp_path / "company.pem"
    certificates.write_text("trusted")
    monkeypatch.setenv("PIP_CERT", str(certificates))
    sent = tmp_path / "sent"
    sent.mkdir()
    fake_docker(f'for last; do :; done; [ $1 != build ] || /bin/cp "$last"/* "{sent}"')
    build_image()
    names = {file.name for file in sent.iterdir()}
    assert names == {"Dockerfile", "requirements.lock", "certificates.pem"}
    assert (sent / "certificates.pem").read_text() == "trusted"


def test_a_failed_build_says_what_to_try(fake_docker: FakeDocker, capfd):
    fake_docker('case "$1" in build) echo "pull access denied" >&2; exit 7 ;; esac')
    assert main(["image"]) == 1
    said = capfd.readouterr().err
    assert "pull access denied" in said
    assert "ended with status 7" in said
    assert "--debootstrap" in said


def test_an_image_is_not_built_without_an_engine(fake_docker: FakeDocker, capsys):
    calls = fake_docker("exit 1")
    assert main(["image"]) == 2
    assert "the engine does not answer" in capsys.readouterr().err
    assert "build" not in calls.read_text()


def test_a_base_that_cannot_be_made_is_an_error(context: Path, capfd):
    (context / "make_base.sh").write_text("echo not root >&2; exit 1")
    with pytest.raises(EngineError, match=r"Could not make the base image .* ended with status 1"):
        make_base(context)
    assert "not root" in capfd.readouterr().err
