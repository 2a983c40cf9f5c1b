"""A job in a sandbox sees /opt/ml and /tmp of its own, is otherwise where it was, and ends as any process does."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.launchers.launcher import ToStart
from pipeline.local.jobs.launchers.sandbox import Sandbox
from pipeline.local.jobs.launchers.surroundings import needed_folders
from pipeline.local.jobs.reaper import Reaper
from tests.pipeline.local.jobs.launchers.conftest import Somebody, needs_sandbox
from tests.pipeline.local.jobs.test_process import Job
from tests.pipeline.local.jobs.test_reaper import gone, until


def job(user: Somebody) -> Path:
    return user.folder / "job"


def test_what_a_script_writes_to_opt_ml_arrives_in_the_jobs_folder(sandboxed: Somebody) -> None:
    assert sandboxed.run("sandbox", 'echo right > /opt/ml/model/x; pwd; echo "$MODEL $HOME"') == [
        "/opt/ml",
        "/opt/ml/model /",
        "exit status 0",
    ]
    assert (job(sandboxed) / "opt/ml/model/x").read_text() == "right\n"
    assert not Path("/opt/ml/model/x").exists()


def test_a_file_is_renamed_from_tmp_to_opt_ml_and_to_a_declared_folder(sandboxed: Somebody) -> None:
    python = f"{sys.base_prefix}/bin/python3" if sandboxed.name == "this user" else sandboxed.python
    text = (
        "import os; open('/tmp/a', 'w').write('a'); os.rename('/tmp/a', '/opt/ml/model/a');"
        "os.rename('/opt/ml/model/a', '/data/in/a'); open('/x', 'w').write('x')"
    )
    assert sandboxed.run("sandbox", f'{python} -c "{text}"', "/data/in") == ["exit status 0"]
    assert (job(sandboxed) / "data/in/a").read_text() == "a"
    assert (job(sandboxed) / "x").read_text() == "x"
    assert not Path("/data/in").exists()


def test_tmp_is_the_jobs_own_but_for_what_it_needs_there(sandboxed: Somebody, open_folder: Path) -> None:
    other = open_folder.with_name(open_folder.name + "-other")
    other.touch()
    try:
        lines = sandboxed.run("sandbox", f"touch /tmp/mine; ls {other}; ls {open_folder}")
    finally:
        other.unlink()
    assert "No such file" in lines[0]
    # The state folder lies under /tmp: it is there.
    assert lines[1:] == ["job", "log.txt", "pip", "exit status 0"]
    assert (job(sandboxed) / "tmp/mine").exists()
    assert not Path("/tmp/mine").exists()


def test_the_rest_of_this_machine_is_where_it_was(sandboxed: Somebody) -> None:
    lines = sandboxed.run("sandbox", "ls -1 /opt | grep -vx ml; echo --; ls -1A / | grep -vx tmp")
    split = lines.index("--")
    there = {path.name for path in Path("/opt").iterdir()} if Path("/opt").exists() else set()
    assert set(lines[:split]) == there - {"ml"}
    assert {path.name for path in Path("/").iterdir()} - {"tmp"} <= {*lines[split + 1 : -1], "opt"}


def test_nothing_is_left_in_the_jobs_folder_but_its_own(sandboxed: Somebody) -> None:
    sandboxed.run("sandbox", "true")
    assert sorted(path.name for path in job(sandboxed).iterdir()) == ["opt", "tmp"]
    assert [path.name for path in (job(sandboxed) / "opt").iterdir()] == ["ml"]
    assert list((job(sandboxed) / "tmp").iterdir()) == []


def test_the_user_stays_who_he_is_and_cannot_undo_the_mounts(sandboxed: Somebody) -> None:
    text = "id -u; grep CapEff /proc/self/status; umount /proc 2>/dev/null || echo kept"
    uid, capabilities, kept, _ = sandboxed.run("sandbox", text)
    expected = os.geteuid() if sandboxed.name == "this user" else 65534
    assert int(uid) == expected
    effective = int(capabilities.split()[1], 16)
    assert not effective & 1 << 21
    if expected != 0:
        assert effective == 0
    assert kept == "kept"


def test_this_pythons_packages_cannot_be_changed(sandboxed: Somebody) -> None:
    if sandboxed.name != "this user" or sys.prefix == sys.base_prefix:
        pytest.skip("it takes a virtual environment that the user may write to")
    lines = sandboxed.run("sandbox", f"touch {Path(sys.prefix).resolve()}/pyvenv.cfg && echo changed")
    assert "Read-only file system" in lines[0]
    assert "changed" not in lines


def test_the_state_folder_cannot_be_changed_but_for_what_pip_keeps(
    sandboxed: Somebody, open_folder: Path
) -> None:
    """It lies below /tmp here, which is otherwise the job's own, to be emptied as it likes."""
    (open_folder / "kept").write_text("dear")
    text = f"rm -rf /tmp/* 2>/dev/null; touch {open_folder}/made 2>/dev/null || echo refused"
    text += f"; echo x >{open_folder}/pip/made; mv {open_folder}/kept /tmp/moved 2>/dev/null || echo stays"
    assert sandboxed.run("sandbox", text) == ["refused", "stays", "exit status 0"]
    assert sorted(path.name for path in open_folder.iterdir()) == ["job", "kept", "log.txt", "pip"]
    assert (open_folder / "kept").read_text() == "dear"
    assert (open_folder / "pip" / "made").read_text() == "x\n"


def test_links_in_a_circle_among_what_a_job_needs_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    environ = {"FASHION_DATA": str(tmp_path / "loop"), "PATH": f"{tmp_path / 'loop'}:/usr/bin"}
    assert Path("/usr/bin") in needed_folders(tmp_path, environ)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("exit 3", "exit status 3"),
        ("kill -9 $$", "killed by signal 9 (out of memory?)"),
        ("kill -15 $$", f"killed by signal {int(signal.SIGTERM)} (SIGTERM)"),
        ("exec no-such-program", "exit status 127"),
    ],
)
def test_the_end_is_the_programs_own(sandboxed: Somebody, text: str, end: str) -> None:
    assert sandboxed.run("sandbox", text)[-1] == end


def test_a_stop_reaches_the_program_itself(sandboxed: Somebody) -> None:
    text = "trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    with sandboxed.start("sandbox", text) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdecimal()
        assert process.stdout.readline() == "up\n"
        process.terminate()
        # The shell may say before that what it waited for was terminated.
        assert process.stdout.read().endswith("saved\nstopped\n")


# Prints the number of a process that has left the job's session, and has been left by what started it.
LEFT = "(setsid sh -c 'trap \"\" TERM; echo $$; sleep 600' &) | { read pid; echo $pid; "


@pytest.mark.parametrize("launcher", ["sandbox", "process"])
@pytest.mark.parametrize("how", ["ended", "killed"])
def test_what_leaves_the_session_ends_with_the_job(user: Somebody, launcher: str, how: str) -> None:
    if launcher == "sandbox":
        needs_sandbox(user)
    with user.start(launcher, LEFT + ("exit 3; }" if how == "ended" else "sleep 600; }")) as process:
        assert process.stdout is not None
        _, pid = (int(process.stdout.readline()) for _ in range(2))
        if how == "killed":
            assert not gone(pid)
            process.kill()
        else:
            assert process.stdout.read() == "exit status 3\n"
        process.wait()
    assert until(partial(gone, pid)), f"{pid} outlived its job"


@pytest.mark.parametrize("how", ["polite", "stubborn"])
def test_a_killed_command_line_leaves_no_process(sandboxed: Somebody, how: str) -> None:
    ignore = "trap '' TERM; " if how == "stubborn" else ""
    # The process ids are this machine's: a job has no process namespace of its own.
    text = f"{ignore}sleep 600 & echo $!; echo $$; wait"
    with sandboxed.start("sandbox", text) as process:
        assert process.stdout is not None
        reaper, child, shell = (int(process.stdout.readline()) for _ in range(3))
        assert not gone(child)
        process.kill()
        process.wait()
        for pid in (shell, child, reaper):
            assert until(partial(gone, pid)), f"{pid} outlived its command line"


def test_a_program_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    sandbox = Sandbox(needed_folders(tmp_path, os.environ))
    if sandbox.fault(tmp_path) is not None:
        pytest.skip("this machine allows no sandbox")
    container = Container.create(tmp_path / "job", (), sandbox.seen_at)
    locked, plain = container.path("/opt/ml/locked"), container.path("/opt/ml/plain")
    locked.write_text("#!/bin/sh\n")
    plain.write_text('echo "a shell\'s: $1"\n')
    plain.chmod(0o755)
    ends = {}
    with Reaper() as reaper:
        for command in (["no-such-program"], ["/opt/ml/locked"], ["/opt/ml/plain", "x"], ["plain", "y"]):
            watched = Job(tmp_path, reaper)
            program = sandbox.program(ToStart(container, command, "/", {"PATH": "/opt/ml:/bin"}))
            ended = watched.run(
                program.becomes[-1],
                program=tuple(program.becomes[:-1]),
                environment=dict(program.environment),
                entering=program.entering,
            )
            ends[command[0]] = (ended.describe(), *watched.lines)
    assert ends == {
        "no-such-program": ("exit status 127", "no-such-program: No such file or directory"),
        "/opt/ml/locked": ("exit status 126", "/opt/ml/locked: Permission denied"),
        "/opt/ml/plain": ("exit status 0", "a shell's: x"),
        "plain": ("exit status 0", "a shell's: y"),
    }


def test_the_environment_and_the_signals_are_a_plain_process(sandboxed: Somebody) -> None:
    text = "env | sort | grep -v ^PWD= | cut -d= -f1; grep SigIgn /proc/self/status"
    assert sandboxed.run("sandbox", text) == sandboxed.run("process", text)


def test_a_machine_without_namespaces_says_so(tmp_path: Path) -> None:
    sandbox = Sandbox(needed_folders(tmp_path, os.environ))
    assert "No such file" in str(sandbox.fault(tmp_path / "nowhere"))


# Prints what is at the top, lets every link there become a folder with a file, and tries to remove the rest.
SPOIL = """
import os
for each in sorted(os.scandir("/"), key=lambda entry: entry.name):
    print(each.name, each.is_symlink() and os.readlink(each.path), each.is_dir())
    if each.is_symlink():
        os.unlink(each.path)
        os.mkdir(each.path)
        open(each.path + "/spoilt", "w").close()
    elif each.name not in ("opt", "tmp"):
        try:
            os.rename(each.path, "/elsewhere")
            print("moved", each.name)
        except OSError:
            pass
"""


def test_a_job_gets_the_places_of_an_earlier_one_but_for_what_that_has_changed(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    sandbox = Sandbox(needed_folders(tmp_path, os.environ), (), temporary)
    if sandbox.fault(temporary) is not None:
        pytest.skip("this machine allows no sandbox")
    links = {path.name for path in Path("/").iterdir() if path.is_symlink()}
    seen = []
    with Reaper() as reaper, sandbox.around_execution():
        for name in ("first", "second"):
            container = Container.create(tmp_path / name, (), sandbox.seen_at)
            watched = Job(tmp_path, reaper)
            with sandbox.around([container]):
                command = [sys.executable, "-I", "-S", "-c"]
                program = sandbox.program(ToStart(container, command, "/", {"PATH": "/usr/bin:/bin"}))
                ended = watched.run(
                    SPOIL,
                    program=tuple(program.becomes),
                    environment=dict(program.environment),
                    entering=program.entering,
                )
            assert ended.succeeded, watched.lines
            seen.append(watched.lines)
            [places] = temporary.iterdir()
            kept = {path.name for path in places.iterdir()}
            assert {"usr", "etc", "proc"} <= kept
            assert kept.isdisjoint(links)
            assert not [path for path in places.iterdir() if path.is_dir() and any(path.iterdir())]
            # What it put in the place of the links stays in its own folder.
            assert {path.name for path in container.root.iterdir()} == {"opt", "tmp", *links}
    assert seen[0] == seen[1]
    assert not [line for line in seen[0] if line.startswith("moved")]
    assert list(temporary.iterdir()) == []


def test_a_place_with_something_in_it_is_never_emptied(tmp_path: Path) -> None:
    """On it a folder of the machine might be mounted."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    sandbox = Sandbox(needed_folders(tmp_path, os.environ), (), temporary)
    container = Container.create(tmp_path / "job", (), sandbox.seen_at)
    with sandbox.around_execution():
        with sandbox.around([container]):
            Path(f"{container.root}/usr").mkdir()
            Path(f"{container.root}/usr/file").write_text("dear")
        [places] = temporary.iterdir()
    assert [path.relative_to(places).as_posix() for path in places.rglob("*")] == ["usr", "usr/file"]
    assert (places / "usr" / "file").read_text() == "dear"
