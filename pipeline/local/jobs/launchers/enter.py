"""Takes the process that runs this file to where a job runs, and becomes the job's program.

A script of its own (`python -I -S enter.py HOW …`), because a process with threads cannot enter a user namespace,
and what Landlock takes never comes back. It makes no second process: group, signals and exit status are those of
the program. argv, in which a list is its length and then its members:

    sandbox OWN_LOCALE ROOT CWD BINDS READONLY PROGRAM ARGUMENT…
    guard   OWN_LOCALE WRITABLE PROGRAM ARGUMENT…

OWN_LOCALE is "yes" when the program's environment has LC_CTYPE. Status 125: it could not be done.
"""

# The module signal would have to import enum, which takes as long as all of this.
import _signal  # type: ignore[import-not-found]
import errno
import os
import sys


def main() -> None:
    """See the module's docstring."""
    # -I leaves it out, and the modules beside this one must not need the package that they are in.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 (pathlib takes 10 ms)
    how, own_locale, *words = sys.argv[1:]
    try:
        command = guard(words) if how == "guard" else sandbox(words)
    except OSError as error:
        print(f"Making the job's {how} failed: {error}", file=sys.stderr)
        sys.exit(125)
    # What Python has set for itself and a program would inherit.
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    if own_locale == "no":
        os.environ.pop("LC_CTYPE", None)
    become(command)


def sandbox(words: "list[str]") -> "list[str]":
    """Enter the namespace; returns the command."""
    root, cwd, *words = words
    binds, words = take(words)
    readonly, command = take(words)
    __import__("namespace").enter(root, cwd, binds, readonly)
    return command


def guard(words: "list[str]") -> "list[str]":
    """Lose the right to write elsewhere; returns the command."""
    writable, command = take(words)
    __import__("landlock").restrict(writable)
    return command


def take(words: "list[str]") -> "tuple[list[str], list[str]]":
    """The list whose length is the first word, and what follows it."""
    end = 1 + int(words[0])
    return words[1:end], words[end:]


def become(command: "list[str]") -> None:
    """Execute `command`, with the exit statuses of a shell when that cannot be."""
    try:
        program = find(command[0])
        try:
            os.execv(program, command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without a first line that names its interpreter is a shell's.
            os.execv("/bin/sh", ["/bin/sh", program, *command[1:]])
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
        sys.exit(127 if missing else 126)


def find(program: str) -> str:
    """The file that `program` means: itself when it is a path, else the first on the PATH that can be executed."""
    if "/" in program:
        return program
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    paths = (f"{folder or '.'}/{program}" for folder in folders)
    for path in paths:
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112 (pathlib takes 10 ms to import)
            return path
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


if __name__ == "__main__":
    main()
