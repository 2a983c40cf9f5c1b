"""What a job does with pip stays in its own layer: the Python that runs the engine is left as it was.

The base is a virtual environment that the test makes, so that a fault cannot harm the project's own.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.environment import job_environment
from pipeline.local.jobs.layer import PYTHON, make_layer
from tests.pipeline.local.workbench import Workbench

ROOT = Path(__file__).parents[4]
# Makes a layer over the Python that runs it, and prints the environment of a job in it.
MAKE = """
import json, os, sys
from pathlib import Path
from pipeline.local.jobs.container import Container
from pipeline.local.jobs.environment import job_environment
from pipeline.local.jobs.layer import make_layer
container = Container.create(Path(sys.argv[1]))
make_layer(container)
print(json.dumps(job_environment(os.environ, container, 1)))
"""


def wheel(folder: Path, version: str) -> Path:
    """A wheel of the package `tiny`, which has a module and a command."""
    folder.mkdir(exist_ok=True)
    info = f"tiny-{version}.dist-info"
    files = {
        "tiny.py": f"VERSION = {version!r}\ndef main():\n    print('tiny', VERSION)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    path = folder / f"tiny-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip and tiny 1; its path has a space."""
    folder = tmp_path_factory.mktemp("a base") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    package = wheel(folder.parent, "1")
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "--no-index", package], check=True)
    return folder


@pytest.fixture
def environment(base: Path, tmp_path: Path) -> dict[str, str]:
    """The environment of a job whose layer lies over `base`."""
    made = subprocess.run(
        [base / "bin/python", "-c", MAKE, tmp_path / "a job"],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    environment: dict[str, str] = json.loads(made.stdout)
    return environment


def run(command: str, environment: Mapping[str, str], **variables: str) -> str:
    """What a shell command in the job prints, both streams; it must end well."""
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        env={**environment, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of every file but compiled modules."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


WAYS = {
    "pip": "pip {words}",
    "pip3": "pip3 {words}",
    "pip3.X": f"pip{sys.version_info.major}.{sys.version_info.minor} {{words}}",
    "python -m pip": "python -m pip {words}",
    "python3 -m pip": "python3 -m pip {words}",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_upgrade_wins_in_the_job_and_leaves_the_base_alone(
    way: str, base: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    before = files(base)
    package = wheel(tmp_path / "wheels", "2")
    assert run("tiny", environment) == "tiny 1\n"
    run(way.format(words='install -U "$PACKAGE"'), environment, PACKAGE=str(package))
    assert run("tiny; python -c 'import tiny; print(tiny.VERSION)'", environment) == "tiny 2\n2\n"
    assert files(base) == before


def test_pip_that_a_script_starts_with_its_own_python_is_the_jobs(
    base: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    before = files(base)
    words = "'-m', 'pip', 'install', '-U', sys.argv[1]"
    script = f"import subprocess, sys; subprocess.run([sys.executable, {words}], check=True)"
    run('python -c "$SCRIPT" "$PACKAGE"', environment, SCRIPT=script, PACKAGE=str(wheel(tmp_path, "3")))
    assert run("python -c 'import tiny; print(tiny.VERSION)'", environment) == "3\n"
    assert files(base) == before


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_uninstalling_leaves_the_base_alone(way: str, base: Path, environment: dict[str, str]) -> None:
    before = files(base)
    said = run(way.format(words="uninstall --yes tiny"), environment)
    assert "outside environment" in said
    assert files(base) == before


def test_what_was_installed_is_gone_in_the_next_job(
    base: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    run('pip install "$PACKAGE"', environment, PACKAGE=str(wheel(tmp_path, "2")))
    container = Path(environment["VIRTUAL_ENV"]).parent
    shutil.rmtree(container)
    run('"$BASE"/bin/python -c "$MAKE" "$JOB"', environment, BASE=str(base), MAKE=MAKE, JOB=str(container),
        PYTHONPATH=str(ROOT))  # fmt: skip
    assert run("tiny", environment) == "tiny 1\n"


def test_a_path_that_the_request_sets_does_not_lead_to_the_bases_pip(base: Path, tmp_path: Path) -> None:
    container = Container(tmp_path / "job")
    environment = job_environment({"PATH": "/usr/bin"}, container, 1, {"PATH": f"{base}/bin:/bin"})
    assert environment["PATH"] == f"{tmp_path}/job/.venv/bin:{base}/bin:/bin"


def test_a_layer_sees_the_packages_and_costs_little(tmp_path: Path) -> None:
    container = Container.create(tmp_path / "job")
    make_layer(container)
    python = container.seen(PYTHON)
    show = "import sys, rich; print(sys.executable); print(sys.prefix); print(rich.__file__)"
    done = subprocess.run([python, "-c", show], check=True, capture_output=True, text=True, env={})
    executable, prefix, module = done.stdout.splitlines()
    assert executable == python
    assert prefix == f"{tmp_path}/job/.venv"
    assert not module.startswith(prefix)


def test_a_job_that_installs_finds_its_package_and_changes_nothing_here(
    bench: Workbench, tmp_path: Path
) -> None:
    # A package of a name that no index has, in case the layer should fail.
    uri = bench.put("wheels", {"tiny-2-py3-none-any.whl": wheel(tmp_path, "2").read_bytes()})
    script = (
        "import glob, subprocess, sys\n"
        "found = glob.glob(sys.argv[1] + '/*.whl')\n"
        "subprocess.run(['pip', 'install', '-q', '--no-index', *found], check=True)\n"
        "import tiny\nprint(tiny.VERSION, sys.prefix != sys.base_prefix)\n"
    )
    request = bench.processing(
        script, arguments=["/opt/ml/processing/wheels"], inputs={"/opt/ml/processing/wheels": uri}
    )
    packages = Path(sys.prefix)
    before = {path.name for folder in packages.glob("lib/*/site-packages") for path in folder.iterdir()}
    bench.run("Processing", request)
    assert "2 True" in bench.lines
    after = {path.name for folder in packages.glob("lib/*/site-packages") for path in folder.iterdir()}
    assert after == before
