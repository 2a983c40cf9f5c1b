"""Lets the calling process, and what it starts, write to some paths only (see process.py).

Runs in enter.py's process, before it becomes the job's program: what Landlock takes never comes back. Reading and
executing stay as they are.
"""

import os
import sys

# Beside it in enter.py's process, in its package elsewhere.
clib = __import__(f"{__package__}.clib", fromlist=["libc"]) if __package__ else __import__("clib")

# System calls, with the same numbers on all architectures.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38
WRITE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 13, 1 << 14
# remove_dir, remove_file, make_char, make_dir, make_reg, make_sock, make_fifo, make_block, make_sym.
FOLDER_RIGHTS = sum(1 << bit for bit in range(4, 13))


class PathBeneath(clib.Structure):  # type: ignore[misc, name-defined]
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed_access", clib.c_uint64), ("parent_fd", clib.c_int))


def version() -> int:
    """The version of Landlock's interface, 0 where there is none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(clib.libc.syscall(CREATE_RULESET, None, clib.c_ulong(0), VERSION_FLAG)))


def is_available() -> bool:
    """Whether Landlock keeps a process from writing. Before version 2 it would also forbid all moves of files."""
    return version() >= 2


def restrict(writable: "list[str]") -> None:
    """Refuse this process every change of files but below the paths `writable`."""
    file_rights = WRITE_FILE | (TRUNCATE if version() >= 3 else 0)
    rights = file_rights | FOLDER_RIGHTS | REFER
    handled = clib.c_uint64(rights)
    rules = call("landlock_create_ruleset", CREATE_RULESET, clib.byref(handled), clib.c_ulong(8), 0)
    for path in writable:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # It has gone, or cannot be reached: nothing to allow.
        allowed = rights if os.path.isdir(path) else file_rights  # noqa: PTH112 (pathlib takes 10 ms to import)
        call("landlock_add_rule", ADD_RULE, rules, PATH_BENEATH, clib.byref(PathBeneath(allowed, place)), 0)
        os.close(place)
    try:
        call("landlock_restrict_self", RESTRICT_SELF, rules, 0)
    except PermissionError:
        # Without CAP_SYS_ADMIN it takes the promise that no program raises the rights again.
        clib.libc.prctl(PR_SET_NO_NEW_PRIVS, *map(clib.c_ulong, (1, 0, 0, 0)))
        call("landlock_restrict_self", RESTRICT_SELF, rules, 0)
    os.close(rules)


def call(name: str, number: int, *arguments: object) -> int:
    """A system call; raises OSError when it fails."""
    result = int(clib.libc.syscall(number, *arguments))
    if result == -1:
        raise OSError(clib.get_errno(), f"{os.strerror(clib.get_errno())} ({name})")
    return result
