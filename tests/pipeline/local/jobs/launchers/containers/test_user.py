"""The command line in Docker for a user who is not root, whose containers nevertheless write as root."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.jobs.launchers.containers import sweep
from pipeline.local.jobs.launchers.containers.engine import Engine
from pipeline.targets.job_image import image_tag
from tests.pipeline.local.jobs.launchers.containers.test_containers import labelled, wait_until

ROOT = Path(__file__).resolve().parents[6]
SOCKET = Path("/var/run/docker.sock")
USER = 12345  # nobody has this id
ROLE = "arn:aws:iam::123456789012:role/r"
pytestmark = [
    pytest.mark.docker,
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)"),
    pytest.mark.skipif(not SOCKET.exists(), reason=f"needs the engine's socket at {SOCKET}"),
]


def start_as_user(*command: str, home: Path) -> subprocess.Popen[str]:
    """Start a command as USER, in the group of the engine's socket."""
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", f"--groups={SOCKET.stat().st_gid}"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "FASHION_HOME": str(home / "state"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.Popen(
        [*become, *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def as_user(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as USER to its end."""
    process = start_as_user(*command, home=home)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of the user's; not in tmp_path, which only root may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, USER, USER)
        yield Path(folder)


@pytest.fixture
def python(home: Path) -> Iterator[str]:
    """A Python that the user may run, with this one's packages."""
    # setpriv can still start what the user may not: it is the Python's own child that counts.
    works = "import subprocess, sys, sagemaker; subprocess.run([sys.executable, '-c', ''], check=True)"
    if as_user(sys.executable, "-c", works, home=home).returncode == 0:
        yield sys.executable
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = Path(f"/usr/bin/python{version}")
    packages = next(path for path in site.getsitepackages() if Path(path, "sagemaker").is_dir())
    made = home / "venv"
    if not system.exists():
        pytest.skip(f"user {USER} may not run {sys.executable}, and there is no {system}")
    subprocess.run([str(system), "-m", "venv", "--without-pip", str(made)], check=True)
    (made / "lib" / f"python{version}" / "site-packages" / "packages.pth").write_text(packages)
    python = str(made / "bin" / "python")
    tried = as_user(python, "-c", works, home=home)
    if tried.returncode != 0:
        pytest.skip(f"user {USER} may run neither {sys.executable} nor {python}: {tried.stderr[-300:]}")
    yield python
    shutil.rmtree(made)


def test_a_user_who_is_not_root_runs_the_pipeline_and_owns_every_file(
    engine: Engine, home: Path, python: str, small_data_set: Path
) -> None:
    data = home / "data"
    data.mkdir()
    for file in small_data_set.iterdir():
        shutil.copyfile(file, data / file.name)
    result = home / "result.json"
    run = [python, "-m", "pipeline", "run", "--launcher", "container", "--candidates", "baseline", "--plain"]
    options = ["--data", str(data), "--any-data", "--param", "Epochs=1", "--param", "MinAccuracy=0.5"]
    done = as_user(*run, *options, "--result", str(result), home=home)
    assert done.returncode == 0, done.stderr
    assert json.loads(result.read_text())["status"] == "Succeeded"
    paths = [home, *(home / "state").rglob("*"), *home.glob("*.json")]
    assert any(path.name == "model.tar.gz" or "objects" in path.parts for path in paths)
    assert [str(path) for path in paths if path.lstat().st_uid != USER] == []
    assert list((home / "state" / "tmp").iterdir()) == []
    assert str(home) not in engine("ps", "--all", "--no-trunc", "--format", "{{.Labels}}")


WRITES = """
import pathlib, time
folder = pathlib.Path("/opt/ml/processing/mine")
folder.mkdir(mode=0o700)
(folder / "file").write_text("of root's")
print("written", flush=True)
time.sleep(300)
"""


def test_a_command_of_his_that_is_killed_leaves_neither_containers_nor_files_of_roots(
    engine: Engine, home: Path, python: str
) -> None:
    resources = {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}}
    runs = {"ImageUri": image_tag(), "ContainerEntrypoint": ["python3", "-c", WRITES]}
    arguments = {"ProcessingResources": resources, "AppSpecification": runs, "RoleArn": ROLE}
    step = {"Name": "Write", "Type": "Processing", "Arguments": arguments}
    definition = home / "definition.json"
    definition.write_text(json.dumps({"Version": "2020-12-01", "Steps": [step]}))
    definition.chmod(0o644)
    words = ["-m", "pipeline", "run", "--launcher", "container", "--plain", "--definition", str(definition)]
    process = start_as_user(python, *words, home=home)

    def foreign() -> list[str]:
        found = []
        # Not rglob, which raises when a folder goes meanwhile.
        for folder, folders, files in os.walk(home / "state"):
            for path in (Path(folder, name) for name in (*folders, *files)):
                with contextlib.suppress(FileNotFoundError):
                    if path.lstat().st_uid != USER:
                        found.append(str(path))
        return found

    def owners() -> list[str]:
        return [owner for owner in labelled(engine, sweep.OWNER) if owner.startswith(f"{process.pid}.")]

    try:
        wait_until(lambda: foreign() != [] or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        assert len(owners()) == 1
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: owners() == [] and foreign() == [])
