"""Moves the calling process into a job's sandbox: a mount namespace of its own with another root (see sandbox.py).

Runs in enter.py's process, before it becomes the job's program.
"""

import errno
import os
import stat

clib = __import__("clib")

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MS_RELATIME, ST_RELATIME = 1 << 21, 4096
# Flags that mean the same to mount and from statvfs: nosuid, nodev, noexec, noatime, nodiratime.
SAME_FLAGS = 2 | 4 | 8 | 1024 | 2048
MNT_DETACH = 2
PR_CAPBSET_DROP, CAP_SYS_ADMIN, CAPABILITY_VERSION_3 = 24, 21, 0x20080522
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}


def enter(
    root: str, cwd: str, binds: "list[str]", readonly: "list[str]", kept: str, writable: "list[str]"
) -> None:
    """Let `root` be "/" and `cwd` in it the working directory.

    Every one of `binds` is a path of this machine that is mounted at the same path in `root`, or, if it is a link,
    made there too; `readonly` are made read-only there, but for `writable`, folders in them. `kept`: a folder with
    places of an earlier job, or "".

    Raises:
        OSError: the system does not allow it.
    """
    places = [path for path in binds if make_place(path, root + path, kept and kept + path)]
    new_namespace()
    mount_all(root, places)
    change_root(root)
    protect(readonly, writable)
    os.chdir(cwd)
    give_up_mounting()


def make_place(path: str, place: str, kept: str) -> bool:
    """Make an empty `place` for `path` to be mounted at; False for a link, which is made anew, and what is gone.

    It may be at `kept` already, if `path` is an entry of "/".
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return False
    if kept and path.count("/") == 1 and take(path, place, mode, kept):
        return not stat.S_ISLNK(mode)
    try:
        make(path, place, mode)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
        make(path, place, mode)
    return not stat.S_ISLNK(mode)


def take(path: str, place: str, mode: int, kept: str) -> bool:
    """Move to `place` what is `kept` for `path`, which is of that mode; whether there was such a thing."""
    try:
        if stat.S_IFMT(os.lstat(kept).st_mode) != stat.S_IFMT(mode):
            return False
        if stat.S_ISLNK(mode) and os.readlink(kept) != os.readlink(path):  # noqa: PTH115 (pathlib takes 10 ms to import)
            return False
        os.rename(kept, place)  # noqa: PTH104
    except OSError:
        return False
    return True


def make(path: str, place: str, mode: int) -> None:
    """Make what `path`, of that mode, is at `place`: a link like it, an empty folder or an empty file."""
    try:
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(path), place)  # noqa: PTH115, PTH211
        elif stat.S_ISDIR(mode):
            os.mkdir(place)  # noqa: PTH102
        else:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        pass


def new_namespace() -> None:
    """A mount namespace of its own; a user also needs a user namespace, where he stays who he is."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        call("unshare", "a mount namespace", CLONE_NEWNS)
    else:
        call("unshare", "a user and a mount namespace", CLONE_NEWUSER | CLONE_NEWNS)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 (pathlib takes 10 ms to import)
                file.write(text)
    # Or what is mounted here would be mounted for everybody.
    mount(None, "/", MS_REC | MS_PRIVATE)


def mount_all(root: str, binds: "list[str]") -> None:
    """Make `root` a mount, with the machine's `binds` in it."""
    mount(root, root, MS_BIND | MS_REC)
    # The one that holds `root` first: it takes along what is mounted in there already.
    for path in sorted(binds, key=lambda path: not root.startswith(f"{path}/")):
        mount(path, root + path, MS_BIND | MS_REC)


def change_root(root: str) -> None:
    """Let `root` be "/", and the old one be out of reach."""
    machine = os.uname().machine
    if machine not in PIVOT_ROOT:
        raise OSError(errno.ENOSYS, f"the number of pivot_root is not known for {machine}")
    os.chdir(root)
    call("syscall", "another root", PIVOT_ROOT[machine], b".", b".")
    call("umount2", "leaving the old root", b".", MNT_DETACH)


def protect(paths: "list[str]", but: "list[str]") -> None:
    """Make `paths` read-only, `but` for these folders, which are mounts of their own then."""
    for path in but:
        if os.path.isdir(path):  # noqa: PTH112 (pathlib takes 10 ms to import)
            mount(path, path, MS_BIND | MS_REC)
    for path in paths:
        mount(path, path, MS_BIND | MS_REC)
        # In a user namespace the flags that a mount has may not be taken away.
        flags = os.statvfs(path).f_flag
        kept = flags & SAME_FLAGS | (MS_RELATIME if flags & ST_RELATIME else 0)
        mount(None, path, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def give_up_mounting() -> None:
    """Root loses what it could undo the mounts with. A user's process has nothing left once it becomes another."""
    if os.geteuid() != 0:
        return
    call("prctl", "giving up CAP_SYS_ADMIN", PR_CAPBSET_DROP, *map(clib.c_ulong, (CAP_SYS_ADMIN, 0, 0, 0)))
    header = (clib.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; twice, for the lower and the higher half of the capabilities.
    sets = (clib.c_uint32 * 6)()
    call("capget", "reading capabilities", header, sets)
    for place in (0, 1, 2):
        sets[place] &= ~(1 << CAP_SYS_ADMIN)
    call("capset", "giving up CAP_SYS_ADMIN", header, sets)


def mount(source: "str | None", target: str, flags: int) -> None:
    """mount(2) without a file system type."""
    encoded = None if source is None else os.fsencode(source)
    call("mount", f"mounting {target}", encoded, os.fsencode(target), None, clib.c_ulong(flags), None)


def call(name: str, what: str, *arguments: object) -> None:
    """A function of the C library that returns -1 on failure; raises OSError, which says `what` was wanted."""
    if getattr(clib.libc, name)(*arguments) == -1:
        number = clib.get_errno()
        raise OSError(number, f"{os.strerror(number)} ({what})")
