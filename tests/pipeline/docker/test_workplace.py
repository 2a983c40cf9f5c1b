from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from pipeline.docker.workplace import Workplace, make_workplace, sweep_workplaces
from pipeline.local.state.identity import ProcessIdentity
from pipeline.local.state.state_dir import Home
from tests.pipeline.docker.conftest import FakeDocker
from tests.processes import ended_process


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def test_only_containers_from_below_the_folder_are_its_own(fake_docker: FakeDocker, tmp_path: Path):
    fake_docker(f"echo 'aaa {tmp_path}/work/tmp1'; echo 'bbb {tmp_path}/works/tmp2'; echo 'ccc /elsewhere'")
    assert Workplace(tmp_path / "work", "image").containers() == ["aaa"]


def test_everything_is_removed_with_the_workplace(fake_docker: FakeDocker, home: Home):
    workplace = make_workplace(home, "image", ())
    assert workplace.folder.parent == home.temporary
    # What the SDK writes there holds the run's key, and an older state folder may be open.
    assert workplace.folder.stat().st_mode & 0o777 == 0o700
    (workplace.folder / "tmp1" / "data").mkdir(parents=True)
    (workplace.folder / "tmp1" / "data" / "file").write_text("left")
    calls = fake_docker(f"[ $1 = ps ] && echo 'aaa {workplace.folder}/tmp1'")
    workplace.remove()
    assert not workplace.folder.exists()
    said = calls.read_text()
    assert "rm --force --volumes aaa" in said
    assert "network rm sagemaker-local" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove anything")
def test_files_that_are_not_ours_are_handed_back_by_a_container(fake_docker: FakeDocker, home: Home):
    workplace = make_workplace(home, "the-image", ())
    locked = workplace.folder / "tmp1"
    locked.mkdir()
    (locked / "file").touch()
    locked.chmod(0o500)
    calls = fake_docker(f"[ $1 = run ] && /bin/chmod 700 '{locked}'")
    workplace.clear()
    assert list(workplace.folder.iterdir()) == []
    assert f"--entrypoint chown the-image --recursive {os.geteuid()}:{os.getegid()} /mnt" in calls.read_text()


def test_a_state_folder_that_the_sdk_never_mounts_has_its_workplace_elsewhere(
    fake_docker: FakeDocker, home: Home
):
    fake_docker()
    workplace = make_workplace(home, "image", [str(home.root.resolve())])
    try:
        assert not workplace.folder.is_relative_to(home.root)
        assert workplace.folder.stat().st_mode & 0o77 == 0
    finally:
        workplace.remove()


def test_the_workplaces_of_killed_commands_are_swept_away(fake_docker: FakeDocker, home: Home):
    theirs = home.temporary / f"fashion-{ended_process()}-docker"
    (theirs / "tmp1").mkdir(parents=True)
    ours = make_workplace(home, "image", ())
    calls = fake_docker(
        f"[ $1 = ps ] && echo 'aaa {theirs}/tmp1'; [ $1 = ps ] && echo 'bbb {ours.folder}/tmp2'"
    )
    sweep_workplaces(home, "image")
    assert not theirs.exists()
    assert ours.folder.exists()
    assert "rm --force --volumes aaa \n" in calls.read_text()


def test_what_may_be_in_use_elsewhere_or_is_not_ours_stays(
    fake_docker: FakeDocker, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = ended_process()
    elsewhere = ProcessIdentity(dead.pid, dead.started, "0123456789ab")
    kept = [
        home.temporary / f"fashion-{elsewhere}-docker",
        home.temporary / f"{dead.pid}-docker",
        tmp_path / f"fashion-mnist-{dead.pid}-docker-notes",
        tmp_path / f"{dead.pid}-docker",
    ]
    for folder in kept:
        folder.mkdir()
    link = tmp_path / f"fashion-{dead}-docker-abc"
    link.symlink_to(kept[0])
    fake_docker(f"[ $1 = ps ] && echo 'aaa {kept[0]}/tmp1'")
    sweep_workplaces(home, "image")
    assert all(folder.is_dir() for folder in kept)
    assert link.is_symlink()


def test_a_container_is_swept_away_when_its_folder_has_gone_already(fake_docker: FakeDocker, home: Home):
    gone = home.temporary / f"fashion-{ended_process()}-docker" / "tmp1"
    calls = fake_docker(
        f"[ $1 = ps ] && echo 'aaa {gone}'; [ $1 = ps ] && echo 'bbb /elsewhere/1-docker/tmp'"
    )
    sweep_workplaces(home, "image")
    assert "rm --force --volumes aaa \n" in calls.read_text()
