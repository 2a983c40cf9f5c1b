"""Programs whose imports take seconds, forked from what has imported them: `python tests/templates.py FILE`.

It listens at the Unix socket FILE until its standard input ends; forked_popen.py asks it. For each kind of program
(TEMPLATES) it forks a template when the first is asked for, which imports what such programs import, and forks
them. A program is a process of its own all the same, with the descriptors, environment, working folder, signals and
exit status that it would have, and /proc tells of its command line and environment as of any other's.

A keeper of the local engine (launchers/keeper.py) is such a program, too. What it forks for a job becomes train.py
or evaluate.py without a Python that has to start, in the job's sandbox, group and session as always.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import fcntl
import functools
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
LAUNCHERS = ROOT / "pipeline" / "local" / "jobs" / "launchers"
KEEPER = str(LAUNCHERS / "keeper.py")
OF_KEEPERS = ("enter", "namespace", "landlock", "clib")
MOST_BYTES = 1 << 18
MOST_DESCRIPTORS = 32
FREE_DESCRIPTORS = 512  # No process here has so many.
NUMBER_BYTES = 8
# What Python and what it loads look at when they start, and what a fork can still be told.
EARLY = ("PYTHON", "LD_", "LANG", "LC_", "MALLOC_")
TOLD = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
# The programs of jobs that take TensorFlow, which is nearly all of their start.
SCRIPTS = {"train.py", "evaluate.py"}
SERVER = ["-m", "pipeline.inference.serving.batch_server"]
# What the tests import of others, but for plugins of pytest: it rewrites their assertions, and imports them itself.
PACKAGES_OF_TESTS = (
    "boto3",
    "jinja2",
    "matplotlib.axes",
    "matplotlib.figure",
    "moto.cloudformation",
    "nbclient",
    "sagemaker.core.shapes.model_card_shapes",
    "statsmodels.stats.multitest",
    "tensorflow",
    "werkzeug.serving",
    "xgboost.tracker",
)
CHECKOUT = ("PYTHONPATH", str(ROOT))
STARTED_WITH = dict(os.environ)
# Without this script's folder and those of PYTHONPATH.
PACKAGES = sys.path[1 + len(list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))) :]
# In what /proc tells of a program's environment: the process that asked for it, whose child it would be.
STARTED_BY = "STARTED_BY_OF_TESTS"
# Where the templates listen: set for the tests' processes by the first of them.
LISTENING = "TEMPLATES_OF_TESTS"


def import_for_commands(*more: str) -> None:
    """Import what commands do: some, or those with the SageMaker SDK and what draws reports."""
    template = beside(ROOT / "tests", "commands_template")[0]
    modules = (name for group in more for name in getattr(template, group))
    tell = template.prepare(*modules)
    before_programs.append(lambda words: tell(words[2:]))  # -m pipeline WORDS…


def import_for_jobs() -> None:
    """Import what train.py and evaluate.py do, and what a keeper does."""
    os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_BACKEND": "tensorflow"})
    beside(ROOT / "training", "keras_alone")[0].import_keras()
    importlib.import_module("boto3")
    for module in beside(LAUNCHERS, *OF_KEEPERS):
        sys.modules[module.__name__] = module
    enter = sys.modules["enter"]
    execute = enter.become

    def become_job(command: list[str], environment: dict[str, str]) -> None:
        if not forkable(command, environment):
            execute(command, environment)
        os.closerange(3, FREE_DESCRIPTORS)
        be(command, environment)

    enter.become = become_job  # type: ignore[attr-defined]


def import_for_local_s3() -> None:
    """Import what the process of the local S3 does."""
    importlib.import_module("pipeline.local.state.moto_process")
    del sys.modules["pipeline.local.state.moto_process"]  # It will be __main__.
    for name in ("moto.s3.responses", "moto.iam.models", "moto.sagemaker.responses", "moto.sagemaker.urls"):
        importlib.import_module(name)
    importlib.import_module("pipeline.local.state.clients")
    beside(ROOT / "tests", "commands_template")[0].read_descriptions()


def import_for_tracking() -> None:
    """Import what the processes that publish to MLflow, and show it, do: but for what MLflow does once it is told
    of a server."""
    from pipeline.tracking.environment import client_environment

    os.environ.update(client_environment(os.environ, "sqlite:///nowhere.db"))
    stores = ("mlflow", "mlflow.store.tracking.sqlalchemy_store", "sagemaker_mlflow")
    for name in (*stores, "flask", "flask_cors", "alembic", "aiohttp", "pydantic", "IPython"):
        importlib.import_module(name)


def import_for_workers() -> None:
    """Import what the workers of pytest need to read the tests, and none of what they test."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    for name in PACKAGES_OF_TESTS:
        importlib.import_module(name)


# What is done in a program before it runs, with its words.
before_programs: list[Callable[[Sequence[str]], None]] = []
TEMPLATES: Mapping[str, Callable[[], None]] = {
    "commands": import_for_commands,
    "commands with more": functools.partial(import_for_commands, "SDK", "REPORT"),
    "jobs": import_for_jobs,
    "local S3": import_for_local_s3,
    "tracking": import_for_tracking,
    "workers": import_for_workers,
}


def beside(folder: Path, *names: str) -> list[Any]:
    """The modules of the folder, which programs import anew."""
    sys.path.insert(0, str(folder))
    modules = [importlib.import_module(name) for name in names]
    sys.path.remove(str(folder))
    for name in names:
        del sys.modules[name]
    return modules


def main() -> None:
    """See the module's docstring."""
    sys.path[0] = str(ROOT)
    tell_as(sys.orig_argv, os.environ)  # Where it is impossible no program is forked.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # A terminal sends them to all.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # No template is waited for.
    os.environ[LISTENING] = sys.argv[1]
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(sys.argv[1])
    listening.listen(64)
    print("ready", flush=True)
    if (name := hand_out(listening)) is None:
        # Whoever started it may have been killed.
        Path(sys.argv[1]).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            Path(sys.argv[1]).parent.rmdir()
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with silence():
        TEMPLATES[name]()
    if (asked := serve(socket.socket(fileno=0))) is not None:
        begin(*asked)
    os._exit(0)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let what is written to standard error be heard only if the block fails: TensorFlow's import is talkative."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def hand_out(listening: socket.socket) -> str | None:
    """Give each request to its template; returns in a new template with its name, and with None in the end.

    A template is asked by its standard input.
    """
    templates: dict[str, socket.socket] = {}
    ready = select.poll()
    for each in (0, listening.fileno()):
        ready.register(each, select.POLLIN)
    while 0 not in dict(ready.poll()):
        asker, _ = listening.accept()
        message, descriptors, _, _ = socket.recv_fds(asker, MOST_BYTES, MOST_DESCRIPTORS)
        asked = json.loads(message) if message else {"template": ""}
        name = asked["template"]
        if name and name not in templates:
            templates[name], theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            if os.fork() == 0:
                os.dup2(theirs.fileno(), 0)
                for each in descriptors:
                    os.close(each)
                for held in (listening, asker, theirs, *templates.values()):
                    held.close()
                return str(name)
            theirs.close()
        if name and asked.get("words"):
            try:
                socket.send_fds(templates[name], [message], [asker.fileno(), *descriptors])
            except OSError:  # It could not import what it should, and has said why.
                templates.pop(name).close()
        asker.close()
        for each in descriptors:
            os.close(each)
    return None


def serve(control: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Fork what is asked for, and tell of it; returns as `hand_out` does."""
    gc.collect()
    gc.freeze()
    running: dict[int, tuple[int, socket.socket]] = {}
    ready = select.poll()
    ready.register(control.fileno(), select.POLLIN)
    while True:
        for descriptor, _ in ready.poll():
            if descriptor in running:
                ready.unregister(descriptor)
                pid, asker = running.pop(descriptor)
                os.close(descriptor)
                _, status = os.waitpid(pid, 0)
                tell(asker, os.waitstatus_to_exitcode(status))
                asker.close()
                continue
            message, (*passed,), _, _ = socket.recv_fds(control, MOST_BYTES, MOST_DESCRIPTORS)
            if not message:
                return None
            told, *descriptors = passed
            if gone(told):
                for each in passed:
                    os.close(each)
                continue
            pid = os.fork()
            if pid == 0:
                return json.loads(message), descriptors
            asker = socket.socket(fileno=told)
            for each in descriptors:
                os.close(each)
            tell(asker, pid)
            watched = os.pidfd_open(pid)
            running[watched] = (pid, asker)
            ready.register(watched, select.POLLIN)


def gone(asker: int) -> bool:
    """Whether who asked for a program waits for it no more: it may have been interrupted, or killed, meanwhile."""
    look = select.poll()
    look.register(asker, 0)
    return bool(look.poll(0))


def tell(asker: socket.socket, number: int) -> None:
    """Tell who asked, unless nobody listens any more."""
    with contextlib.suppress(OSError):
        asker.send(number.to_bytes(NUMBER_BYTES, "big", signed=True), socket.MSG_NOSIGNAL)


def begin(asked: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    """Be the program that is asked for, in a process that was forked for it."""
    if asked["session"]:
        os.setsid()
    # First out of the way of the numbers that they are to have.
    kept = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, FREE_DESCRIPTORS) for each in descriptors]
    os.closerange(3, FREE_DESCRIPTORS)
    for each, number in zip(kept, asked["descriptors"], strict=True):
        os.dup2(each, number)
        os.close(each)
    os.chdir(asked["cwd"])
    be(asked["words"], asked["environment"], {STARTED_BY: str(asked["by"])})


def forkable(command: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether a job's `command` takes TensorFlow, and is for this Python with its packages and no others."""
    python, *words = command
    path = Path(python)
    if os.path.realpath(path) != os.path.realpath(sys.executable):
        return False
    if words[:2] == SERVER:
        own = {name: value for name, value in environment.items() if (name, value) != CHECKOUT}
        return same_start(own)
    if not words or Path(words[0]).name not in SCRIPTS or not same_start(environment):
        return False
    # A job's layer over this Python: see layer.py.
    more = path.parents[1].glob("lib/python*/site-packages/*")
    return path == Path(sys.executable) or [each.name for each in more] == ["base.pth"]


def same_start(environment: Mapping[str, str], before: Mapping[str, str] = STARTED_WITH) -> bool:
    """Whether a Python with this environment starts as one that had the environment `before`.

    What it lacks of that (a locale, say) makes no difference to the programs here.
    """
    early = {name for name in environment if name.startswith(EARLY)} - TOLD
    return all(environment[name] == before.get(name) for name in early)


def be(
    command: Sequence[str], environment: Mapping[str, str], more: Mapping[str, str] = MappingProxyType({})
) -> NoReturn:
    """Run a Python's `command`, and end as it does. `more`: what /proc tells besides of its environment."""
    tell_as(command, {**environment, **more})
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    open_streams(unbuffered=bool(environment.get("PYTHONUNBUFFERED")))
    sys.executable, *words = command
    while words[0] in ("-I", "-S", "-u"):
        words.pop(0)
    if words[0] != KEEPER:
        for name in OF_KEEPERS:
            sys.modules.pop(name, None)
    tempfile.tempdir = None
    for each in before_programs:
        each(words)
    paths = [*filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *PACKAGES]
    status = 1
    try:
        if words[0] == "-c":
            sys.argv = ["-c", *words[2:]]
            sys.path[:] = ["", *paths]
            sys.modules["__main__"] = ModuleType("__main__")
            exec(words[1], vars(sys.modules["__main__"]))
        elif words[0] == "-m":
            sys.argv = words[1:]
            sys.path[:] = [str(Path.cwd()), *paths]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path[:] = [str(Path(words[0]).resolve().parent), *paths]
            runpy.run_path(words[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            status = end.code or 0
    except KeyboardInterrupt:
        traceback.print_exc()
        status = -signal.SIGINT
    except BaseException:
        traceback.print_exc()
    # Not by the end of an interpreter, for which all that was imported would be copied.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status)


def open_streams(*, unbuffered: bool) -> None:
    """Make standard streams for the descriptors that there are now, as Python does."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)  # type: ignore[misc] # noqa: SIM115
    for name, number, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        binary: Any = io.FileIO(number, "w", closefd=False)
        if not unbuffered:
            binary = io.BufferedWriter(binary)
        stream = io.TextIOWrapper(
            binary,
            "utf-8",
            errors,
            line_buffering=number == 2 or binary.isatty(),
            write_through=unbuffered,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


class MemoryMap(ctypes.Structure):
    """prctl_mm_map in <linux/prctl.h>."""

    _fields_ = (
        *(
            (name, ctypes.c_uint64)
            for name in (
                *("start_code", "end_code", "start_data", "end_data", "start_brk", "brk", "start_stack"),
                *("arg_start", "arg_end", "env_start", "env_end", "auxv"),
            )
        ),
        ("auxv_size", ctypes.c_uint32),
        ("exe_fd", ctypes.c_uint32),
    )


PR_SET_MM, PR_SET_MM_MAP = 35, 14
_texts: list[Any] = []


def tell_as(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Let /proc/self/cmdline and environ be these.

    Raises:
        OSError: this kernel has no prctl(PR_SET_MM_MAP).
    """
    command = b"".join(os.fsencode(word) + b"\0" for word in words)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environment.items())
    text = ctypes.create_string_buffer(command + variables, len(command) + len(variables))
    start = ctypes.addressof(text)
    between = start + len(command)
    library = ctypes.CDLL(None, use_errno=True)
    library.sbrk.restype = ctypes.c_void_p
    # The numbers of proc(5), which counts from 1; the name, which may hold spaces, is the second.
    fields = ["", "", *Path("/proc/self/stat").read_text().rpartition(")")[2].split()]
    at = [int(fields[number - 1]) for number in (26, 27, 45, 46, 47)]
    mapped = MemoryMap(
        *at, library.sbrk(0), int(fields[27]), start, between, between, start + len(text), 0, 0, 2**32 - 1
    )
    size = ctypes.c_ulong(ctypes.sizeof(mapped))
    if library.prctl(PR_SET_MM, PR_SET_MM_MAP, ctypes.byref(mapped), size, 0) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _texts[:] = [text]  # The kernel reads it when somebody asks.


if __name__ == "__main__":
    main()
