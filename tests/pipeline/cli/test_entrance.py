"""How processes end: with which exit status, and without a traceback, whatever their streams and signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TRACES = ("Traceback", "Exception ignored", "Error:")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """The environment of a command whose state folder and modules are in `tmp_path`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FASHION_"))}
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    return {**kept, "FASHION_HOME": str(tmp_path / "home"), "PYTHONPATH": path}


def under_shell(surroundings: dict[str, str], words: str, around: str) -> tuple[int, str, str]:
    """Exit status and output of a shell's line in which {} stands for the command."""
    line = around.format(f"{sys.executable} -m pipeline {words}")
    done = subprocess.run(["bash", "-c", line], env=surroundings, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words", ["executions", "executions --json", "run --help", "--help", "data --data /"]
)
@pytest.mark.parametrize("around", ["{} >&-", "{} >/dev/full", "{} 2>&-", "{} <&- >&- 2>&-"])
def test_lost_output_is_said_and_is_no_traceback(
    surroundings: dict[str, str], words: str, around: str
) -> None:
    status, _, err = under_shell(surroundings, words, around)
    lost = "data" not in words and ">&- 2" not in around and around != "{} 2>&-"
    assert not any(trace in err for trace in TRACES)
    if lost:
        assert status == 1
        assert err.startswith("error: Could not write to standard output: ")
    assert status in (0, 1)


def test_a_reader_that_has_seen_enough_is_no_fault(surroundings: dict[str, str]) -> None:
    status, out, err = under_shell(surroundings, "run --help", "{} | head -n 1; exit ${{PIPESTATUS[0]}}")
    assert (status, err) == (0, "")
    assert out.startswith("usage:")


def test_what_was_done_decides_the_exit_status_and_not_who_reads_of_it(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "doer.py").write_text("def main(argv):\n    print('done')\n    return 0\n")
    for words, expected in (("do", 0), ("look", 1), ("do --help", 1)):
        line = (
            "from pipeline.cli.entrance import run_process\n"
            f"raise SystemExit(run_process('doer', {words.split()}, ('do',)))"
        )
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-c", line],
                env=surroundings,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert (done.returncode, "No space left on device" in done.stderr) == (expected, True)


def test_a_closed_standard_output_is_not_the_next_file_that_is_opened(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "opener.py").write_text(
        "import os\ndef main(argv):\n    file = open(argv[0], 'w')\n    print('result', flush=True)\n"
        "    os.system('echo child')\n    return file.fileno()\n"
    )
    line = (
        "import sys; from pipeline.cli.entrance import run_process; "
        "sys.exit(run_process('opener', sys.argv[1:]))"
    )
    file = tmp_path / "file"
    done = subprocess.run(
        ["bash", "-c", f'{sys.executable} -c "{line}" {file} >&- 2>&- <&-'], env=surroundings, timeout=60
    )
    assert done.returncode > 2
    assert file.read_text() == ""


@pytest.mark.parametrize("words", ["run --help", "executions", "show", "--help", "study --help"])
@pytest.mark.parametrize(
    "more",
    [
        {"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        {"COLUMNS": "0", "TERM": "none-such"},
        {"COLUMNS": "1", "TERM": ""},
        {"COLUMNS": "x", "LINES": "-1"},
    ],
)
def test_every_terminal_will_do(surroundings: dict[str, str], words: str, more: dict[str, str]) -> None:
    status, out, err = under_shell(surroundings | more, words, "{}")
    assert status == (2 if words == "show" else 0), err
    assert not any(trace in err for trace in TRACES)
    assert out or err


def test_bytes_of_a_path_are_written_as_they_are(surroundings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "echo.py").write_text("def main(argv):\n    print(argv[0], '×', '✓✗é')\n    return 0\n")
    line = "import sys; from pipeline.cli.entrance import run_process; sys.exit(run_process('echo', sys.argv[1:]))"
    whole = b"\xff" + "é × ✓✗é\n".encode()
    for encoding, expected in (("utf-8", whole), ("ascii", b"\xff? x +x?\n")):
        done = subprocess.run(
            [sys.executable, "-c", line, b"\xff\xc3\xa9"],
            env=surroundings | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"},
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == expected


def test_too_few_open_files_are_said_with_what_to_do(surroundings: dict[str, str]) -> None:
    status, _, err = under_shell(surroundings, "executions", "ulimit -n 14; {}")
    assert (status, err) == (
        2,
        "error: Only 14 files may be open at once here, and 64 are needed. Raise it: ulimit -n 1024\n",
    )
    assert under_shell(surroundings, "registry list", "ulimit -n 64; {}")[0] == 0
    assert under_shell(surroundings, "executions", "ulimit -S -n 14; {}")[0] == 0


def test_a_working_directory_that_is_gone_is_said(surroundings: dict[str, str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    status, _, err = under_shell(surroundings, "executions", f"mkdir {gone}; cd {gone}; rmdir {gone}; {{}}")
    assert status == 2
    assert err.startswith("error: The working directory cannot be used (No such file or directory)")


@pytest.fixture
def start(surroundings: dict[str, str], tmp_path: Path) -> Start:
    """Starts run_process of a module of that text; returns once it has printed a line."""

    def start(text: str, under: Sequence[str] = ()) -> subprocess.Popen[str]:
        (tmp_path / "module.py").write_text(text)
        line = "from pipeline.cli.entrance import run_process; raise SystemExit(run_process('module', []))"
        process = subprocess.Popen(
            [*under, sys.executable, "-c", line],
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        return process

    return start


SLEEP = "import time\nprint('here', flush=True)\ntime.sleep(30)\n"
INDENTED = SLEEP.replace("\n", "\n    ").rstrip() + "\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "text",
    [
        SLEEP,
        f"def main(argv):\n    {INDENTED}",
        f"def main(argv):\n    exec({SLEEP!r})\n",
        f"class Slow:\n  def __del__(self):\n    {INDENTED}\n"
        "def main(argv):\n    Slow()\n    import time\n    time.sleep(30)\n",
        f"import threading\ndef sleep():\n    {INDENTED}\n"
        "def main(argv):\n    threading.Thread(target=sleep, daemon=True).start()\n"
        "    import time\n    time.sleep(30)\n",
    ],
    ids=["import", "main", "exec", "destructor", "thread"],
)
def test_a_signal_ends_a_command_at_any_moment(start: Start, text: str, number: signal.Signals) -> None:
    with start(text) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "Interrupted.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "text",
    [
        "import time\ndef main(argv):\n  try:\n    print('here', flush=True)\n    time.sleep(30)\n"
        "  finally:\n    time.sleep(30)\n",
        "import atexit, threading, time\nthreading.Thread(target=time.sleep, args=(30,)).start()\n"
        "def main(argv):\n    print('here', flush=True)\n    return 0\n",
    ],
    ids=["while the first is dealt with", "at the end"],
)
def test_a_second_signal_ends_it_too(start: Start, text: str, number: signal.Signals) -> None:
    with start(text) as process:
        process.send_signal(number)
        time.sleep(0.3)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert not any(trace in err for trace in TRACES)


def test_nohup_is_respected(start: Start) -> None:
    text = SLEEP.replace("30", "0.5") + "def main(argv):\n    return 0\n"
    with start(text, ["env", "--ignore-signal=HUP"]) as process:
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_bug_shows_its_traceback(start: Start) -> None:
    with start("def main(argv):\n    print('here', flush=True)\n    1 / 0\n") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "ZeroDivisionError" in err
