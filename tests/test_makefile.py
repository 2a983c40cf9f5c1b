"""The commands of the Makefile, and the search for a Python, with stand-ins for everything slow."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import environment_of_make

ROOT = Path(__file__).parents[1]
SUITABLE = '#!/bin/sh\nif [ "$1" != -c ]; then echo "$0 ran $*"; fi\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in a folder with a space in its name, whose .venv is a program that shows its arguments."""
    clone = tmp_path / "a clone"
    (clone / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "infra/requirements.lock", "pipeline/cli/with_python.sh"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    write_program(
        clone / ".venv" / "bin" / "python", "#!/bin/sh\nfor each; do printf '<%s>' \"$each\"; done; echo\n"
    )
    shutil.copytree(clone / ".venv", clone / ".venv-infra")
    for environment in (".venv", ".venv-infra"):
        (clone / environment / "stamp").touch()
    return clone


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env={**environment_of_make(), **environment},
        capture_output=True,
        text=True,
    )


def test_make_alone_prints_every_command_and_builds_nothing(clone: Path) -> None:
    shutil.rmtree(clone / ".venv")
    done = make(clone)
    assert done.returncode == 0
    phony = re.search(r"^\.PHONY: (.*)$", (clone / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    for command in phony[1].removesuffix(" FORCE").split():
        assert re.search(rf"^  make {command} +\w", done.stdout, re.MULTILINE), (
            f"make {command} is not in the help"
        )
    assert not (clone / ".venv").exists()


def test_pipeline_run_runs_locally_by_default(clone: Path) -> None:
    assert make(clone, "pipeline-run").stdout == "<-m><pipeline><run><--target><local>\n"


def test_pipeline_run_passes_target_parameters_and_flags_on(clone: Path) -> None:
    done = make(clone, "pipeline-run", "TARGET=docker", "PARAMS=Epochs=1  MinAccuracy=0.8", "ARGS=--seeds 3")
    assert done.stdout == (
        "<-m><pipeline><run><--target><docker><--param><Epochs=1><--param><MinAccuracy=0.8><--seeds><3>\n"
    )


def test_the_shell_does_not_read_parameters(clone: Path) -> None:
    done = make(clone, "pipeline-run", "PARAMS=Group=it's;echo Uri=s3://b/*")
    assert done.stdout.endswith("<--param><Group=it's;echo><--param><Uri=s3://b/*>\n")


def test_study_passes_parameters_and_flags_on(clone: Path) -> None:
    done = make(clone, "study", "PARAMS=Epochs=2", "ARGS=--seeds 3 --estimate")
    assert done.stdout == "<-m><pipeline><study><--param><Epochs=2><--seeds><3><--estimate>\n"


def test_another_revision_is_compared_with_this_one(clone: Path) -> None:
    done = make(clone, "bench-against", "REV=2f7a81a", "ARGS=--pairs 7")
    assert done.stdout == "<tests/bench/bench_against.py><2f7a81a><--pairs><7>\n"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("bench", "bench_training"),
        ("bench-gpu", "bench_gpu"),
        ("bench-engine", "bench_engine"),
    ],
)
def test_each_benchmark_is_a_script_that_there_is(clone: Path, command: str, script: str) -> None:
    assert make(clone, command, "ARGS=--json x").stdout == f"<tests/bench/{script}.py><--json><x>\n"
    assert (ROOT / "tests" / "bench" / f"{script}.py").is_file()


def test_a_soak_kills_servers_and_runs(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", '#!/bin/sh\necho "$KILLS $*"\n')
    kills_runs = "tests/pipeline/local/engine/test_crash_safety.py"
    flips_bits = "tests/pipeline/cli/test_damaged_database.py"
    for words, given, kills in (((), "", "1000"), (("KILLS=50",), "50", "50")):
        done = make(clone, "soak", *words, "ARGS=--kills 20", KILLS="")
        assert done.stdout.splitlines() == [
            f"{given} tests/bench/soak_endpoint.py --kills 20",
            f"{kills} -m pytest {kills_runs} {flips_bits}",
        ]
    assert "KILLS" in (ROOT / kills_runs).read_text()
    assert "FLIPS" in (ROOT / flips_bits).read_text()
    assert (ROOT / "tests" / "bench" / "soak_endpoint.py").is_file()


def test_a_command_that_fails_makes_make_fail(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", "#!/bin/sh\nexit 2\n")
    assert make(clone, "pipeline-run").returncode == 2


def test_the_tests_run_without_the_data_set_too(clone: Path) -> None:
    write_program(clone / ".venv" / "bin" / "python", '#!/bin/sh\necho "$*"\n[ "$2" != pipeline ]\n')
    done = make(clone, "test", "ARGS=-x")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Tests on the real data set are skipped.",
        "-m pytest -n auto --dist loadfile -x",
    ]


def test_check_ends_with_the_tests(clone: Path) -> None:
    lines = make(clone, "check").stdout.splitlines()
    assert [line.split(">")[1] for line in lines] == ["<ruff", "<ruff", "<mypy", "<infra.check", "<pytest"]
    assert "<--cov>" not in lines[-1]
    assert "<--cov>" in make(clone, "coverage").stdout.splitlines()[-1]


@pytest.mark.parametrize("reason", ["no .venv", "interrupted", "newer lock file", "Python has gone"])
def test_the_environment_is_built_when_it_must_be(clone: Path, reason: str) -> None:
    assert "set_up" not in make(clone, "data", "--dry-run").stdout
    stamp, python = clone / ".venv" / "stamp", clone / ".venv" / "bin" / "python"
    if reason == "no .venv":
        shutil.rmtree(clone / ".venv")
    elif reason == "interrupted":
        stamp.unlink()
    elif reason == "newer lock file":
        later = stamp.stat().st_mtime + 10
        os.utime(clone / "requirements.lock", (later, later))
    else:
        python.unlink()
        python.symlink_to("/gone/python3.11")
    done = make(clone, "data", "--dry-run")
    assert "-m pipeline.cli.set_up" in done.stdout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder that Pythons are looked for in; `head` is what the search itself needs."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("head", "sh"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def search(programs: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(programs / "sh"), str(ROOT / "pipeline" / "cli" / "with_python.sh"), *arguments],
        env={"PATH": str(programs), **environment},
        capture_output=True,
        text=True,
    )


def test_the_first_python_that_works_is_taken(programs: Path) -> None:
    shim = "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n"
    write_program(programs / "python3.12", shim)
    write_program(programs / "python3.13", SUITABLE)
    write_program(programs / "python3", SUITABLE)
    done = search(programs, "-m", "pipeline.cli.set_up", "two words")
    assert done.stdout == f"{programs}/python3.13 ran -m pipeline.cli.set_up two words\n"


def test_its_exit_status_is_the_commands_own(programs: Path) -> None:
    write_program(programs / "python3", '#!/bin/sh\n[ "$1" = -c ] || exit 7\n')
    assert search(programs, "-m", "pipeline.cli.set_up").returncode == 7


def test_when_no_python_is_suitable_each_is_listed_with_its_reason(programs: Path) -> None:
    write_program(
        programs / "python3.12", "#!/bin/sh\necho 'pyenv: python3.12: command not found' >&2\nexit 127\n"
    )
    write_program(programs / "python3", "#!/bin/sh\necho 'it is Python 3.9' >&2\nexit 1\n")
    done = search(programs, "-m", "pipeline.cli.set_up")
    assert done.returncode == 1
    assert done.stdout == ""
    for line in (
        "There is no Python 3.11, 3.12 or 3.13",
        "- python3.12: pyenv: python3.12: command not found",
        "- python3.11: not found",
        "- python3: it is Python 3.9",
        "python3-venv",
    ):
        assert line in done.stderr


def test_a_python_that_the_user_names_is_the_only_one_tried(programs: Path, tmp_path: Path) -> None:
    write_program(programs / "python3.12", SUITABLE)
    named = tmp_path / "my python"
    write_program(named, SUITABLE)
    assert search(programs, "x", PYTHON=str(named)).stdout == f"{named} ran x\n"
    done = search(programs, "x", PYTHON=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere: not found" in done.stderr
    assert "python3.12:" not in done.stderr


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ("sys.version_info = (3, 10, 9)", "it is Python 3.10"),
        ("sys.version_info = (3, 14, 0)", "it is Python 3.14"),
        (
            "importlib.util.find_spec = lambda name: None",
            r"it lacks the module venv \(on Debian or Ubuntu: apt-get install python3\.\d+-venv\)",
        ),
    ],
)
def test_a_python_that_is_not_suitable_is_refused(programs: Path, lie: str, reason: str) -> None:
    code = f"import sys, importlib.util; {lie}; exec(sys.argv[1])"
    write_program(programs / "python3", f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$2"\n')
    done = search(programs, "x")
    assert done.returncode == 1
    assert re.search(rf"- python3: {reason}", done.stderr)


def test_this_python_is_suitable(programs: Path) -> None:
    assert search(programs, "-c", "print('ran')", PYTHON=sys.executable).stdout == "ran\n"
