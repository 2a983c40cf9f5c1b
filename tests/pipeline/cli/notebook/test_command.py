"""Commands of a cell: heard while they run, interrupted in good order, alive when the kernel is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.cli.notebook.command import INTERRUPTED, run_command

ROOT = Path(__file__).resolve().parents[4]


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def test_lines_are_heard_while_the_command_runs(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "print('half', end='', file=sys.stderr); time.sleep(0.5); print(' and half', file=sys.stderr)\n"
        "while not pathlib.Path('heard').exists(): time.sleep(0.05)\n"
        "print('no end', end='', file=sys.stderr); print('result')\n"
        "sys.exit(3)"
    )
    heard = []

    def hear(line: str) -> None:
        heard.append(line)
        (tmp_path / "heard").touch()

    done = run_command(python(code), tmp_path, os.environ, hear)
    assert heard == ["half and half", "no end"]
    assert (done.status, done.out, done.err) == (3, "result\n", "half and half\nno end")


def test_the_last_words_are_those_of_standard_error_or_else_of_standard_output(tmp_path: Path) -> None:
    both = "import sys; print('out'); [print(n, file=sys.stderr) for n in range(40)]"
    assert run_command(python(both), tmp_path, os.environ).last_words == "\n".join(map(str, range(25, 40)))
    assert run_command(python("print('out')"), tmp_path, os.environ).last_words == "out"
    assert run_command(python(""), tmp_path, os.environ).last_words == "nothing"


def test_interrupting_lets_the_command_end_in_good_order(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    print('stopping', file=sys.stderr); time.sleep(0.3); open('stopped', 'w').close(); sys.exit(130)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "print('ready', file=sys.stderr)\n"
        "time.sleep(60)"
    )
    heard = []

    def hear(line: str) -> None:
        heard.append(line)
        if line == "ready":
            os.kill(os.getpid(), signal.SIGINT)

    assert run_command(python(code), tmp_path, os.environ, hear).status == INTERRUPTED
    assert heard == ["ready", "stopping"]
    assert (tmp_path / "stopped").exists()


def test_a_second_interruption_does_not_wait(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('not yet', file=sys.stderr))\n"
        "print('ready', file=sys.stderr)\n"
        "time.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_command(python(code), tmp_path, os.environ, lambda line: os.kill(os.getpid(), signal.SIGINT))
    assert time.monotonic() - started < 30


def test_the_command_goes_on_when_the_kernel_is_killed(tmp_path: Path) -> None:
    command = (
        "import pathlib, sys, time\n"
        "print('ready', file=sys.stderr)\n"
        "while not pathlib.Path('kernel-is-dead').exists(): time.sleep(0.05)\n"
        "for n in range(2000): print('a line that nobody reads', file=sys.stderr)\n"
        "open('finished', 'w').close()"
    )
    kernel = (
        "import os, pathlib, signal, sys\n"
        "from pipeline.cli.notebook.command import INTERRUPTED, run_command\n"
        f"run_command([sys.executable, '-u', '-c', {command!r}], pathlib.Path({str(tmp_path)!r}), os.environ,\n"
        "            lambda line: os.killpg(0, signal.SIGKILL))"
    )
    killed = subprocess.run(python(kernel), cwd=ROOT, start_new_session=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    (tmp_path / "kernel-is-dead").touch()
    deadline = time.monotonic() + 30
    while not (tmp_path / "finished").exists():
        assert time.monotonic() < deadline, "the command died with the kernel"
        time.sleep(0.05)
