"""A program that a template forks is told from one that was started by nothing that a test looks at."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.environment import job_environment
from pipeline.local.jobs.layer import PROGRAMS, make_layer
from tests import forked_popen, templates
from tests.forked_popen import ForkedPopen

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(
    templates.LISTENING not in os.environ,
    reason="this kernel cannot let /proc tell of a fork as of a program, or few files may be open",
)
# A script named as a job's, which tells of itself.
SCRIPT = """
import json, os, resource, signal, sys
told = {
    "words": sys.argv,
    "path": sys.path[0],
    "cwd": os.getcwd(),
    "environment": dict(os.environ),
    "input": sys.stdin.read(),
    "signals": [str(signal.getsignal(n)) for n in range(1, 32) if n not in (9, 19)],
    "descriptors": [n for n in range(3, 100) if os.path.exists(f"/proc/self/fd/{n}")],
    "session": os.getsid(0) == os.getpid(),
    "encoding": [sys.stdout.encoding, sys.stderr.errors],
    "cmdline": open("/proc/self/cmdline").read(),
    "environ": sorted(v for v in open("/proc/self/environ").read().split(chr(0)) if "STARTED_BY_OF" not in v),
    "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
    "name": __name__,
    "modules": [name in sys.modules for name in ("checkpoints", "enter", "pipeline")],
}
print(json.dumps(told))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    return path


def told(popen: Any, command: list[str], **more: Any) -> dict[str, Any]:
    with popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more) as process:
        out, _ = process.communicate("what is read")
        assert process.returncode == 0
        answer: dict[str, Any] = json.loads(out)
        return answer


@pytest.mark.parametrize("session", [False, True])
def test_it_has_what_a_program_has_that_was_started(script: Path, session: bool) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    environment = {**os.environ, "SM_NUM_CPUS": "1", "PYTHONUNBUFFERED": "1", "ÄÖ": "ü"}
    command = [sys.executable, script.name, "--flag", "ß", ""]
    arguments: Mapping[str, Any] = {
        "cwd": script.parent,
        "env": environment,
        "pass_fds": [writing],
        "start_new_session": session,
    }
    try:
        forked, started = (told(each, command, **arguments) for each in (ForkedPopen, forked_popen._started))
    finally:
        os.close(reading)
        os.close(writing)
    assert forked == started
    assert forked["session"] is session
    assert forked["descriptors"] == [writing]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('why it ended')", 1),
        ("raise ValueError('why it ended')", 1),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
        ("atexit.register(print, 'at its end'); threading.Timer(0.2, print, ['in a thread']).start()", 0),
    ],
)
def test_it_ends_as_one_that_was_started(script: Path, end: str, status: int) -> None:
    script.write_text(f"import atexit, os, signal, sys, threading\nprint('said')\n{end}\n")
    ended = []
    for popen in (ForkedPopen, forked_popen._started):
        with popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            out, err = process.communicate()
            ended.append((process.returncode, out, "why it ended" in err, "Traceback" in err))
            assert process.poll() == process.wait() == status
            assert (getattr(process, "_told", None) is not None) is (popen is ForkedPopen)
    assert ended[0] == ended[1]


def test_a_worker_of_pytest_is_forked_with_what_tests_import_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert forked_popen.template_for([sys.executable, *forked_popen.WORKER], os.environ, ROOT) is None
    monkeypatch.setattr(forked_popen, "_workers_are_forked", True)
    code = (
        "import sys, __main__, os\n"
        "print([sys.argv, sys.path, __name__, vars(__main__)['os'] is os])\n"
        "print('tensorflow' in sys.modules, 'pipeline' in sys.modules, file=sys.stderr)\n"
    )
    pipes: Mapping[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    told = []
    for popen in (ForkedPopen, forked_popen._started):
        with popen([sys.executable, *forked_popen.WORKER], cwd=ROOT, text=True, **pipes) as process:
            told.append(process.communicate(f"{code!r}\n"))
            assert process.returncode == 0
    assert told[0][0] == told[1][0]
    assert [err for _, err in told] == ["True False\n", "False False\n"]


OWN = """
import os, sys, time

sys.path.insert(0, TESTS)
import templates

def imports():
    if IMPORTED is None:
        raise ImportError("no such package here")
    while not os.path.exists(IMPORTED):
        time.sleep(0.01)

templates.TEMPLATES = {"jobs": imports}
templates.main()
"""


@contextmanager
def own_templates(folder: Path, imported: Path | None) -> Iterator[subprocess.Popen[str]]:
    """Templates that have imported what they should when there is a file; None: they cannot import it."""
    file = folder / "own.py"
    file.write_text(
        OWN.replace("TESTS", repr(str(ROOT / "tests"))).replace("IMPORTED", repr(imported and str(imported)))
    )
    pipes: Mapping[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with (
        subprocess.Popen([sys.executable, str(file), str(folder / "socket")], text=True, **pipes) as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        patch.setattr(ForkedPopen, "templates", str(folder / "socket"))
        yield process


def test_what_its_template_could_not_import_is_started(script: Path, tmp_path: Path) -> None:
    with own_templates(tmp_path, None) as process:
        for _ in range(2):
            asked = ForkedPopen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            out, _ = asked.communicate(b"what is read")
            assert asked.returncode == 0
            assert asked._told is None
            assert json.loads(out)["input"] == "what is read"
        _, err = process.communicate()
    assert "ImportError: no such package here" in err


def test_nothing_is_forked_for_whom_nobody_waits_any_more(script: Path, tmp_path: Path) -> None:
    ran, imported = tmp_path / "ran", tmp_path / "imported"
    script.write_text("import sys\nopen(sys.argv[1], 'w').close()\n")
    request = {
        "template": "jobs",
        "words": [sys.executable, str(script), f"{ran}-by-nobody"],
        "environment": dict(os.environ),
        "cwd": str(tmp_path),
        "descriptors": [0, 1, 2],
        "by": os.getpid(),
        "session": False,
    }
    with own_templates(tmp_path, imported) as process:
        with forked_popen._asked(ForkedPopen.templates, request, [0, 1, 2]):
            pass
        imported.touch()
        assert ForkedPopen([sys.executable, str(script), str(ran)]).wait() == 0
        process.communicate()
    # Requests are dealt with one after another.
    assert [path.name for path in tmp_path.glob("ran*")] == ["ran"]


@pytest.mark.parametrize(("most", "there"), [(256, False), (544, False), (545, True), (-1, True)])
def test_where_few_files_may_be_open_there_are_no_templates(
    most: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(templates.LISTENING)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (most, most))
    end = forked_popen.start_templates()
    assert (templates.LISTENING in os.environ) is there
    end()


def test_it_runs_until_it_is_ended(script: Path) -> None:
    script.write_text("import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert isinstance(process, ForkedPopen)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        assert psutil.Process(process.pid).cmdline() == [sys.executable, str(script)]
        process.terminate()
        assert process.wait() == -signal.SIGTERM


def test_what_a_template_cannot_give_is_started(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_forked(*command: str, environment: Mapping[str, str] = os.environ, cwd: Path = ROOT) -> bool:
        return forked_popen.template_for(command, environment, cwd) is not None

    words = (str(script), "--flag")
    moto = ("-m", "pipeline.local.state.moto_process")
    assert is_forked(sys.executable, *words)
    assert is_forked(sys.executable, *moto)
    assert not is_forked(sys.executable, *moto, cwd=script.parent)
    assert not is_forked(sys.executable, "-c", "pass")
    assert not is_forked(sys.executable, "-m", "pipeline", "run")
    assert not is_forked("/usr/bin/python3", *words)
    assert not is_forked(sys.executable, *words, environment={**os.environ, "PYTHONHASHSEED": "1"})
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10, limit[1]))
    assert not is_forked(sys.executable, *words)


def test_a_job_is_forked_unless_it_has_packages_of_its_own(tmp_path: Path) -> None:
    container = Container.create(tmp_path / "container")
    make_layer(container)
    environment = job_environment(os.environ, container, 1)
    python = str(container.path(f"{PROGRAMS}/python"))
    assert templates.forkable([python, "train.py", "--epochs", "1"], environment)
    assert not templates.forkable([python, "other.py"], environment)
    assert not templates.forkable(["/bin/sh", "train.py"], environment)
    assert not templates.forkable([python, "train.py"], {**environment, "PYTHONPATH": "/opt/ml/code"})
    [packages] = container.path("/.venv").glob("lib/python*/site-packages")
    (packages / "tensorflow").mkdir()
    assert not templates.forkable([python, "train.py"], environment)
