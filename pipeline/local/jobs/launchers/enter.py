"""Takes the process that calls it to where a job runs, and becomes the job's program.

What is done here is done by a process without threads, because one with threads cannot enter a user namespace, and
what Landlock takes never comes back. It makes no second process: group, signals and exit status are those of the
program. The keeper of a job (keeper.py) does it in the process that it forked; a program without a keeper (`debug`)
is started as a script, `python -I -S enter.py HOW N WORDS… OWN_LOCALE PROGRAM ARGUMENT…`, with the words in N
arguments. OWN_LOCALE is "yes" when the program's environment has LC_CTYPE. Status 125: it could not be done.
"""

# The module signal would have to import enum, which takes as long as all of this.
import _signal  # type: ignore[import-not-found]
import errno
import marshal
import os
import sys


def main() -> None:
    """See the module's docstring."""
    # -I leaves it out, and the modules beside this one must not need the package that they are in.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 (pathlib takes 10 ms)
    how, count, *rest = sys.argv[1:]
    words = "".join(rest[: int(count)])
    own_locale, *command = rest[int(count) :]
    environment = dict(os.environ)
    if own_locale == "no":
        environment.pop("LC_CTYPE", None)  # Python has set it for itself.
    enter(how, marshal.loads(bytes.fromhex(words)))
    default_signals()
    become(command, environment)


def enter(how: str, words: "list[object]") -> None:
    """Go to a sandbox, or lose the right to write elsewhere ("guard"): `words` say to which, or where one may."""
    try:
        if how == "sandbox":
            __import__("namespace").enter(*words)
        else:
            __import__("landlock").restrict(*words)
    except OSError as error:
        print(f"Setting up the job's {how} failed: {error}", file=sys.stderr)
        sys.exit(125)


def default_signals() -> None:
    """Take back what Python has set for itself and a program would inherit."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)


def become(command: "list[str]", environment: "dict[str, str]") -> None:
    """Execute `command`, with the exit statuses of a shell when that cannot be."""
    try:
        program = find(command[0], environment)
        try:
            os.execve(program, command, environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a first line that names its interpreter is a shell's.
            os.execve("/bin/sh", ["/bin/sh", program, *command[1:]], environment)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        sys.exit(127 if missing else 126)


def find(program: str, environment: "dict[str, str]") -> str:
    """The file that `program` means: itself when it is a path, else the first on the PATH that can be executed."""
    if "/" in program:
        return program
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    paths = (f"{folder or '.'}/{program}" for folder in folders)
    for path in paths:
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112 (pathlib takes 10 ms to import)
            return path
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


if __name__ == "__main__":
    main()
