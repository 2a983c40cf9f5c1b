"""As a plain process no job succeeds with its output in this machine's own /opt/ml (here: a folder of the test)."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import StepFailed
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.launchers.landlock import is_available
from pipeline.local.jobs.launchers.launcher import ToStart
from pipeline.local.jobs.launchers.process import Process
from pipeline.local.jobs.launchers.surroundings import needed_folders

WAYS = {
    "shell": "mkdir -p {ml}/model && echo x > {ml}/model/x",
    "python": "{python} -c \"import os; os.makedirs('{ml}/model'); open('{ml}/model/x', 'w').write('x')\"",
    "renamed folder": "mkdir -p new/model && touch new/model/x && mv new {ml}",
}


@pytest.fixture
def ml() -> Iterator[Path]:
    """Stands for this machine's /opt/ml, beside another folder; it does not exist."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "opt" / "other").mkdir(parents=True)
        yield Path(folder) / "opt" / "ml"


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container.create(tmp_path / "state" / "job")


def run(launcher: Process, container: Container, text: str) -> subprocess.CompletedProcess[str]:
    program = launcher.program(ToStart(container, ["/bin/sh", "-c", text], "/", {"PATH": "/usr/bin:/bin"}))
    return subprocess.run(
        program.command, cwd=program.cwd, env=program.environment, capture_output=True, text=True
    )


@pytest.mark.skipif(not is_available(), reason="it takes Landlock")
@pytest.mark.parametrize("there", [False, True], ids=["not there", "there"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_with_landlock_a_write_is_refused_before_it_happens(
    way: str, there: bool, ml: Path, container: Container
) -> None:
    if there:
        ml.mkdir()
    done = run(Process([container.root], ml), container, way.format(ml=ml, python=sys.executable))
    assert done.returncode != 0
    assert "denied" in done.stderr or "Invalid cross-device link" in done.stderr
    assert ml.exists() is there
    assert not there or list(ml.iterdir()) == []


@pytest.mark.skipif(not is_available(), reason="it takes Landlock")
def test_with_landlock_everything_else_can_be_done(ml: Path, container: Container, tmp_path: Path) -> None:
    place = ml.with_name("other")
    (tmp_path / "elsewhere").mkdir()
    text = (
        f"echo x > {place}/x; mkdir {place}/a; mv {place}/x {place}/a/x; mv {place}/a tmp/a;"
        f"echo yes > opt/ml/model/x; mv tmp/a {tmp_path}/elsewhere/a; cat opt/ml/model/x; exit 3"
    )
    done = run(Process([container.root], ml), container, text)
    assert (done.returncode, done.stdout, done.stderr) == (3, "yes\n", "")
    assert (tmp_path / "elsewhere/a/x").read_text() == "x\n"


@pytest.mark.skipif(not is_available(), reason="it takes Landlock")
def test_landlock_takes_a_folder_with_thousands_of_neighbours(ml: Path, container: Container) -> None:
    for number in range(3000):
        (ml.parent / f"neighbour-{number}").touch()
    done = run(Process([container.root], ml), container, f"touch {ml.parent}/neighbour-2999 && touch {ml}")
    assert (done.returncode, ml.exists()) == (1, False), done.stderr


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_without_landlock_a_change_fails_the_step(way: str, ml: Path, container: Container) -> None:
    launcher = Process([container.root], ml, guarded=False)
    reason = rf"own {ml} changed \({ml}, .*--launcher sandbox.*--launcher container"
    with pytest.raises(StepFailed, match=reason), launcher.around([container]):
        run(launcher, container, way.format(ml=ml, python=sys.executable)).check_returncode()


def test_without_landlock_a_job_that_keeps_away_passes(ml: Path, container: Container) -> None:
    ml.mkdir()
    (ml / "old").write_text("here before")
    launcher = Process([container.root], ml, guarded=False)
    with launcher.around([container]):
        assert run(launcher, container, "echo x > opt/ml/model/x").returncode == 0


def test_where_the_user_may_not_write_there_nothing_is_added(container: Container) -> None:
    launcher = Process([], Path("/proc/1/ml"))
    assert launcher.program(ToStart(container, ["true"], "/", {})).command == ["true"]


def test_what_a_job_needs_is_writable_where_it_lies_below(ml: Path) -> None:
    if not is_available():
        pytest.skip("it takes Landlock")
    container = Container.create(ml / "home/job")
    done = run(Process(needed_folders(ml / "home", os.environ), ml), container, f"touch x && touch {ml}/y")
    assert (container.root / "x").exists()
    assert done.returncode != 0
    assert not (ml / "y").exists()
