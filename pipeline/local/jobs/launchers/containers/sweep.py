"""Removes the containers that a process has left, and hands back the files that they wrote as root.

Used by the launcher, and started by the reaper as a script of its own (`python -I -S sweep.py PROGRAM OWNER`) when
the command has died. So it needs nothing but the standard library.
"""

import subprocess
import sys

# Whose containers and networks they are: the identity of the process that made them.
OWNER = "pipeline.local.owner"
# Of a container: the folder that was mounted into it, and the user (UID:GID) whose its files are to be; none: as
# they are.
FOLDER, USER = "pipeline.local.folder", "pipeline.local.user"
_SECONDS = 60


def owners(program: str) -> "set[str]":
    """Whose containers and networks the engine has, running or not."""
    labelled = ("--quiet", "--filter", f"label={OWNER}")
    containers = _ask(program, "ps", "--all", *labelled)
    networks = _ask(program, "network", "ls", *labelled)
    # Each by itself: one may go meanwhile. Not by `ps --format`, which calls labels otherwise in podman.
    asked = [("inspect", ".Config.Labels", each) for each in containers]
    asked += [("network inspect", ".Labels", each) for each in networks]
    return {
        line
        for command, labels, each in asked
        for line in _ask(program, *command.split(), "--format", f'{{{{index {labels} "{OWNER}"}}}}', each)
        if line
    }


def sweep(program: str, owner: str) -> None:
    """Remove all containers and networks of `owner`."""
    mine = f"label={OWNER}={owner}"
    for container in _ask(program, "ps", "--all", "--quiet", "--no-trunc", "--filter", mine):
        form = (
            f'{{{{.Image}}}}\n{{{{index .Config.Labels "{FOLDER}"}}}}\n{{{{index .Config.Labels "{USER}"}}}}'
        )
        image, folder, user = (*_ask(program, "inspect", "--format", form, container), "", "", "")[:3]
        remove(program, container)
        if folder and user:
            hand_back(program, image, folder, user)
    for network in _ask(program, "network", "ls", "--quiet", "--filter", mine):
        _ask(program, "network", "rm", network)


def remove(program: str, *containers: str) -> None:
    """End containers at once and remove them; one that is not there is no fault."""
    _ask(program, "rm", "--force", "--volumes", *containers)


def hand_back(program: str, image: str, folder: str, user: str) -> bool:
    """Make the files below `folder` those of `user`, which takes a container of an image that has chown.

    Returns whether that was done.
    """
    done = _run(
        program, "run", "--rm", "--pull", "never", "--network", "none", "--user", "0:0",
        "--mount", mount(folder, "/mnt"), "--entrypoint", "chown", image, "-hR", user, "/mnt",
    )  # fmt: skip
    return done is not None and done.returncode == 0


def mount(source: str, target: str) -> str:
    """The value of --mount for a folder: one line of CSV, in which a name may hold commas and quotes."""
    parts = ("type=bind", f"source={source}", f"target={target}")
    doubled = (part.replace('"', '""') for part in parts)
    return ",".join(f'"{part}"' for part in doubled)


def _ask(program: str, *arguments: str) -> "list[str]":
    """The lines that the engine prints; none when it fails."""
    done = _run(program, *arguments)
    return done.stdout.splitlines() if done is not None and done.returncode == 0 else []


def _run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str] | None":
    """The engine's command as it ended; None when it did not."""
    try:
        return subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


if __name__ == "__main__":
    sweep(*sys.argv[1:])
