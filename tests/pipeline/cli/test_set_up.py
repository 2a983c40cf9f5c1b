"""Building an environment from a lock file: whole, once, and again after an interruption."""

from __future__ import annotations

import hashlib
import io
import subprocess
import threading
import zipfile
from pathlib import Path

import pytest

from pipeline.cli import set_up
from pipeline.cli.set_up import SetUpError, build, check_platform, is_ours, only_one_building, show_progress


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, and the current one, with a lock file of one small package that pip finds in a folder beside it."""
    wheel = tmp_path / "wheels" / "greeting-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    info = "greeting-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greeting.py", "HELLO = 'hello'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    folder = tmp_path / "project"
    folder.mkdir()
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.lock").write_text(f"greeting==1.0 \\\n    --hash=sha256:{digest}\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_an_environment_is_built_whole_or_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment, lock = project / ".venv", project / "requirements.lock"
    right = lock.read_text()
    lock.write_text(right.replace(right[-5:], "0000\n"))
    with pytest.raises(SetUpError, match=r"(?s)pip failed with exit status.*MATCH THE HASHES"):
        build()
    assert not (environment / "stamp").exists()

    (environment / "left over").touch()
    lock.write_text(right)
    build()
    assert not (environment / "left over").exists()
    code = "import greeting; print(greeting.HELLO, greeting.__cached__)"
    done = subprocess.run(
        [environment / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    )
    hello, compiled = done.stdout.split(maxsplit=1)
    assert hello == "hello"
    assert Path(compiled.strip()).is_file()

    capsys.readouterr()
    (environment / "mine").touch()
    build()
    assert (environment / "mine").exists()
    assert capsys.readouterr().err == ""


def test_a_link_in_place_of_the_environment_is_not_followed(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (project / ".venv").symlink_to(elsewhere)
    with pytest.raises(SetUpError, match="a link or a file"):
        build()
    assert (elsewhere / "file").exists()


def test_a_stamp_behind_a_link_is_left_where_it_is(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "stamp").write_text("of another lock file")
    (project / ".venv").symlink_to(elsewhere)
    with pytest.raises(SetUpError, match="a link or a file"):
        build()
    assert (elsewhere / "stamp").exists()


def test_an_environment_that_somebody_made_is_left_alone(project: Path) -> None:
    (project / ".venv" / "lib").mkdir(parents=True)
    (project / ".venv" / "lib" / "mine.py").write_text("x = 1")
    (project / ".venv" / "stamp").write_text("of something else")
    with pytest.raises(SetUpError, match=r"Could not set up \.venv: .*make did not make"):
        build()
    assert (project / ".venv" / "lib" / "mine.py").exists()


@pytest.mark.parametrize("own", ["made-by-make", "stamp"])
def test_an_environment_of_ours_may_be_made_anew(tmp_path: Path, own: str) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "left.py").touch()
    assert not is_ours(tmp_path / ".venv")
    (tmp_path / ".venv" / own).write_text(f"{'0' * 64} requirements.lock\n")
    assert is_ours(tmp_path / ".venv")
    assert is_ours(tmp_path / "missing")


def test_make_clean_removes_what_make_made_and_nothing_else(tmp_path: Path) -> None:
    makefile = Path(set_up.__file__).parents[2] / "Makefile"
    for name, inside in (
        (".venv", "mine.py"),
        (".venv-infra", "made-by-make"),
        (".venv-clients/awscli", "made-by-make"),
        (".mypy_cache", "x"),
        (".local", "x"),
    ):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / inside).touch()
    done = subprocess.run(
        ["make", "-f", makefile, "clean"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "make clean: .venv was not made by make, and is left alone." in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == [".local", ".venv"]


def test_a_lock_file_that_is_missing_is_named_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert set_up.main() == 1
    assert "requirements.lock" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("system", "machine"), [("darwin", "x86_64"), ("win32", "AMD64"), ("linux", "riscv64")]
)
def test_a_platform_that_the_lock_file_is_not_made_for_is_refused(system: str, machine: str) -> None:
    with pytest.raises(SetUpError, match=f"linux aarch64.*, not for {system} {machine}"):
        check_platform(system, machine)


def test_a_second_command_waits_for_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with only_one_building(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    with only_one_building(tmp_path):
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_counts_packages_and_ends_below_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    show_progress(
        [
            "Ignoring tensorflow: markers 'x' don't match your environment",
            "Collecting absl-py==2.5.1 (from -r requirements.lock (line 3))",
            "  Downloading absl.whl (1 MB)",
            "Processing /wheels/greeting.whl (from -r requirements.lock (line 10))",
            "Installing collected packages: absl-py, greeting",
        ],
        packages=3,
    )
    shown = terminal.getvalue().split(set_up.CLEAR_LINE)[1:]
    assert shown[:2] == ["  [  1/3] tensorflow", "  [  2/3] absl-py"]
    assert shown[2].startswith("  [  3/3] ")
    assert shown[3] == "  all downloaded; installing\n"
