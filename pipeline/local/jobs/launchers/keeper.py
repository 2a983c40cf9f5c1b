"""Starts the processes of a run's jobs, and ends all that is left of them: the other side of reaper.py.

A process of its own, once a run, without threads: `python -I -S keeper.py GRACE HELD [COMMAND…]`; its standard
input is a socket of the command line. For each job it forks a keeper, which forks the job: no Python has to start
for that. A keeper is told by a socket of its job what to run and which signals to send, and tells there how the job
ended. What a job leaves running ends with it, on Linux also what has left its session (setsid, a daemon): all
orphans of a job become children of its keeper.

When the command line ends, however it ends, the kernel closes the sockets. Each keeper then sends its job SIGTERM,
and SIGKILL after GRACE seconds. When no keeper is left, and the command line did not say before that it was done
(`.`), COMMAND removes what is no process (containers). HELD is a file descriptor that is held as long, or -1.
"""

# The modules signal, socket and pathlib take longer to import than all of this.
import _signal  # type: ignore[import-not-found]
import _socket
import gc
import marshal
import os
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

ON_LINUX = sys.platform == "linux"
DESCRIPTOR_BYTES = 4
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# How long to wait for what was killed: a process in a system call that does not end stays.
KILLED_SECONDS = 2.0
_POLL_SECONDS = 0.02
_AGAIN_SECONDS = 1.0
_ENDING = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


class Suppressed:
    """contextlib.suppress; its module takes as long to import as all of this."""

    def __init__(self, *kinds: "type[BaseException]") -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: "type[BaseException] | None", *_: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)


class Children:
    """Lets this process wait for its children's ends and for something to read at once, without missing either."""

    def __init__(self, readable: int) -> None:
        self._woken, waking = os.pipe()
        for end in (self._woken, waking):
            os.set_blocking(end, False)
        _signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda number, frame: None)
        self._poll = select.poll()
        for descriptor in (self._woken, readable):
            self._poll.register(descriptor, select.POLLIN)

    def wait(self, seconds: "float | None") -> "tuple[set[int], bytes]":
        """The descriptors that can be read, and the numbers of the signals that came."""
        ready = {descriptor for descriptor, _ in self._poll.poll(None if seconds is None else seconds * 1000)}
        signals = os.read(self._woken, 4096) if self._woken in ready else b""
        return ready, signals

    def forget(self, readable: int) -> None:
        """It is not to be looked at any more."""
        self._poll.unregister(readable)


def main() -> None:
    """See the module's docstring."""
    grace, held, *afterwards = sys.argv[1:]
    # Beside this file; -I leaves it out.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    # Once here, and not in every fork.
    for module in ("enter", "namespace", "landlock") if ON_LINUX else ("enter",):
        __import__(module)
    if int(held) >= 0:
        os.set_inheritable(int(held), False)
    had = {number: _signal.signal(number, _signal.SIG_IGN) for number in _ENDING}
    ignored = {number: before == _signal.SIG_IGN for number, before in had.items()}
    control = _socket.socket(fileno=os.dup(0))
    # What all jobs have.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    become_subreaper()
    # What is there now is not looked through, and so copied, in every fork.
    gc.freeze()
    keepers: set[int] = set()
    done = serve(control, keepers, float(grace), ignored)
    while keepers:
        # Again and again: one that has just been forked is not yet ready for it.
        for keeper in keepers:
            os.kill(keeper, _signal.SIGTERM)
        time.sleep(_POLL_SECONDS)
        reap(keepers)
    end_orphans(keepers)
    if afterwards and not done:
        os.execv(afterwards[0], afterwards)
    os._exit(0)


def serve(control: "_socket.socket", keepers: "set[int]", grace: float, ignored: "dict[int, bool]") -> bool:
    """Fork a keeper for every job that the command line brings, until that ends; whether it said that it was done.

    `keepers` are kept up to date. `ignored` says which signals this process was started to ignore.
    """
    children = Children(control.fileno())
    while True:
        ready, signals = children.wait(None)
        if signals and reap(keepers)[1]:
            # What it kept is this process's now.
            end_orphans(keepers)
        if control.fileno() not in ready:
            continue
        try:
            said, passed, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(2 * DESCRIPTOR_BYTES))
        except OSError:
            return False
        if said != b"+":
            return said == b"."
        [(_, _, numbers)] = passed
        output, job = (
            int.from_bytes(numbers[place : place + DESCRIPTOR_BYTES], sys.byteorder)
            for place in (0, DESCRIPTOR_BYTES)
        )
        for descriptor in (output, job):
            os.set_inheritable(descriptor, False)
        answer = 0
        try:
            keeper = os.fork()
        except OSError as error:
            answer = error.errno or 1
        else:
            if keeper == 0:
                control.close()
                finish(keep, _socket.socket(fileno=job), output, grace, ignored)
            keepers.add(keeper)
        os.close(output)
        os.close(job)
        try:
            control.send(bytes([answer]))
        except OSError:
            return False


def finish(work: "Callable[..., None]", *arguments: object) -> "NoReturn":
    """Do `work` as the last thing in a process that was forked: nothing of its parent's may run in it."""
    status = 125
    try:
        work(*arguments)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(status)


def keep(job: "_socket.socket", output: int, grace: float, ignored: "dict[int, bool]") -> None:
    """Run what the socket `job` says, with `output` for its output, and tell there how it ended."""
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    asked = receive(job)
    if asked is None:
        return
    become_subreaper()
    set_up, setting_up = os.pipe()
    keeper = os.getpid()
    leader = os.fork()
    if leader == 0:
        job.close()
        finish(run, asked, output, setting_up, keeper, ignored)
    os.close(output)
    os.close(setting_up)
    # Before that it has no group, and a signal would be lost.
    os.read(set_up, 1)
    children = Children(job.fileno())
    _signal.signal(_signal.SIGTERM, lambda number, frame: None)
    returncode = watch(job, leader, children, grace)
    with Suppressed(OSError):  # Nobody listens any more.
        job.send(returncode.to_bytes(4, "big", signed=True))
    end_orphans(set())


def receive(job: "_socket.socket") -> "tuple[object, ...] | None":
    """What is to be run, which comes with its length before it; None when the command line has ended before."""
    received = b""
    length = DESCRIPTOR_BYTES
    while len(received) < length:
        more = job.recv(1 << 16)
        if not more:
            return None
        received += more
        if length == DESCRIPTOR_BYTES and len(received) >= length:
            length += int.from_bytes(received[:DESCRIPTOR_BYTES], "big")
    asked: tuple[object, ...] = marshal.loads(received[DESCRIPTOR_BYTES:])
    return asked


def run(
    asked: "tuple[object, ...]", output: int, setting_up: int, keeper: int, ignored: "dict[int, bool]"
) -> None:
    """Become the job, in a session of its own."""
    os.setsid()
    for number in _ENDING:
        _signal.signal(number, _signal.SIG_IGN if ignored[number] else _signal.SIG_DFL)
    os.close(setting_up)
    os.dup2(output, 1)
    os.dup2(output, 2)
    command, cwd, environment, way, words = asked
    enter = __import__("enter")
    try:
        os.chdir(cwd)  # type: ignore[arg-type]
    except OSError as error:
        print(f"Starting the job in {cwd} failed: {error.strerror}", file=sys.stderr)
        sys.exit(125)
    if way:
        enter.enter(way, words)
    if ON_LINUX:
        prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
        if os.getppid() != keeper:
            sys.exit(125)
    enter.default_signals()
    enter.become(command, environment)


def watch(job: "_socket.socket", leader: int, children: Children, grace: float) -> int:
    """Wait until `leader` has ended, and its group with it; returns its exit status, or minus a signal's number.

    It is sent what the command line says, and ends soon when that is gone or this keeper is to end.
    """
    kill_at = None
    while (returncode := end_of(leader)) is None:
        ready, signals = children.wait(None if kill_at is None else max(0.0, kill_at - time.monotonic()))
        gone = _signal.SIGTERM in signals
        if job.fileno() in ready:
            try:
                said = job.recv(1)
            except OSError:
                said = b""
            if said:
                signal_group(leader, _signal.SIGTERM if said == b"T" else _signal.SIGKILL)
            else:
                gone = True
                children.forget(job.fileno())
        if gone and kill_at is None:
            signal_group(leader, _signal.SIGTERM)
            kill_at = time.monotonic() + grace
        elif kill_at is not None and time.monotonic() >= kill_at:
            signal_group(leader, _signal.SIGKILL)
            kill_at += _AGAIN_SECONDS
    return returncode


def end_of(leader: int) -> "int | None":
    """None while the child `leader` runs; else its group is killed, and this is how it ended."""
    if hasattr(os, "waitid"):
        # While it is a zombie no other group can have its number.
        if os.waitid(os.P_PID, leader, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        signal_group(leader, _signal.SIGKILL)
        _, status = os.waitpid(leader, 0)
    else:  # macOS before Python 3.13
        pid, status = os.waitpid(leader, os.WNOHANG)
        if pid == 0:
            return None
        signal_group(leader, _signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process group, which may have ended."""
    # macOS refuses it for a group whose only member is a zombie.
    with Suppressed(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def reap(keepers: "set[int]") -> "tuple[bool, bool]":
    """Take note of the children that have ended; whether there are others, and whether a keeper was killed."""
    killed = False
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False, killed
        if pid == 0:
            return True, killed
        killed = killed or (pid in keepers and status != 0)
        keepers.discard(pid)


def end_orphans(keepers: "set[int]") -> None:
    """Kill the children of this process but for `keepers`, and what then becomes one."""
    until = time.monotonic() + KILLED_SECONDS
    while reap(keepers)[0] and (left := children_of(os.getpid()) - keepers) and time.monotonic() < until:
        for pid in left:
            with Suppressed(OSError):  # It is another user's by now (a setuid program).
                os.kill(pid, _signal.SIGKILL)
        time.sleep(_POLL_SECONDS / 10)


def children_of(parent: int) -> "set[int]":
    """The processes whose parent is the process of that number; empty where there is no /proc."""
    found: set[int] = set()
    try:
        names = os.listdir("/proc")  # noqa: PTH208 (pathlib takes 10 ms to import)
    except OSError:
        return found
    for name in names:
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                # The name of its program, in brackets, may hold anything.
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    found.add(int(name))
        except (OSError, IndexError):
            continue  # It has ended.
    return found


def become_subreaper() -> None:
    """Let the orphans among this process's descendants become its children."""
    if ON_LINUX:
        prctl(PR_SET_CHILD_SUBREAPER, 1)


def prctl(what: int, value: int) -> None:
    """prctl(2)."""
    clib = __import__("clib")
    clib.libc.prctl(what, *map(clib.c_ulong, (value, 0, 0, 0)))


if __name__ == "__main__":
    main()
