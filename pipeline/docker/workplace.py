"""Where containers leave things on this machine: one folder of ours, and its removal whoever owns what is in it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipeline.docker.engine import docker
from pipeline.local.state.state_dir import Home, scratch_name, scratch_owner

_NETWORK = "sagemaker-local"  # the SDK's name for it
_WORKING_DIR = "com.docker.compose.project.working_dir"
_STOP_SECONDS = 5
_SUFFIX = "docker"
_FORM = re.compile(rf"-{_SUFFIX}(?:-\w+)?$")


class Workplace:
    """A folder for the SDK's temporary folders. `image` is one that has chown: it hands files of root's back."""

    def __init__(self, folder: Path, image: str) -> None:
        self.folder = folder
        self._image = image

    def containers(self) -> list[str]:
        """The ids of the containers, running or not, that docker compose made from below the folder."""
        return [identity for identity, where in _containers_of_compose() if where.is_relative_to(self.folder)]

    def stop_containers(self) -> None:
        """End the containers: SIGTERM, five seconds, SIGKILL."""
        if found := self.containers():
            docker("stop", "--time", str(_STOP_SECONDS), *found, check=False)

    def clear(self) -> None:
        """Remove the containers, and everything in the folder."""
        if found := self.containers():
            docker("rm", "--force", "--volumes", *found, check=False)
        if not self.folder.exists():
            return
        left = _remove(self.folder.iterdir())
        if left:
            # Containers run as root, as SageMaker's do, and so do the files that they write.
            self._take_back()
            left = _remove(self.folder.iterdir())
        if left:
            raise left[0]

    def remove(self) -> None:
        """Clear the folder and remove it, and the SDK's network unless somebody else uses it."""
        self.clear()
        docker("network", "rm", _NETWORK, check=False)
        if self.folder.exists():
            self.folder.rmdir()

    def _take_back(self) -> None:
        docker(
            "run", "--rm", "--network", "none", "--user", "0", "--volume", f"{self.folder}:/mnt",
            "--entrypoint", "chown", self._image, "--recursive", f"{os.geteuid()}:{os.getegid()}", "/mnt",
        )  # fmt: skip


def make_workplace(home: Home, image: str, forbidden: Iterable[str]) -> Workplace:
    """A new workplace in the state folder, or, where the SDK refuses to mount that, in the system's temporary one.

    `forbidden` are the beginnings of paths that the SDK never mounts (of those that matter: /root and ~/.config).
    """
    inside = home.temporary.resolve() / scratch_name(_SUFFIX)
    if str(inside).startswith(tuple(forbidden)):
        folder = Path(tempfile.mkdtemp(prefix=f"{scratch_name(_SUFFIX)}-")).resolve()
    else:
        folder = inside
        # What the SDK writes there for docker compose holds the run's key.
        folder.mkdir(mode=0o700)
    return Workplace(folder, image)


def sweep_workplaces(home: Home, image: str) -> None:
    """Remove the workplaces of commands that were killed, with the containers that may still run there.

    Those of processes of which that cannot be told from here stay as they are.
    """
    inside, outside = home.temporary.resolve(), Path(tempfile.gettempdir()).resolve()
    places = {
        *inside.iterdir(),
        *outside.iterdir(),
        # Another command may have removed the folder of a container meanwhile.
        *(folder for _, where in _containers_of_compose() for folder in (where, *where.parents)),
    }
    for folder in places:
        owner = scratch_owner(folder.name) if _FORM.search(folder.name) else None
        # In the system's folder anybody may make a folder of any name.
        known = folder.parent == inside or (folder.parent == outside and _is_mine_or_gone(folder))
        if known and owner is not None and owner.life() == "gone" and not folder.is_symlink():
            Workplace(folder, image).remove()


def _is_mine_or_gone(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _containers_of_compose() -> list[tuple[str, Path]]:
    """The ids of the containers that docker compose made, running or not, and the folders from which it did."""
    form = f'{{{{.ID}}}} {{{{.Label "{_WORKING_DIR}"}}}}'
    listed = docker("ps", "--all", "--no-trunc", "--filter", f"label={_WORKING_DIR}", "--format", form)
    pairs = (line.partition(" ") for line in listed.splitlines())
    return [(identity, Path(where)) for identity, _, where in pairs]


def _remove(paths: Iterable[Path]) -> list[OSError]:
    """Remove files and folders; what could not be removed."""
    faults = []
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            faults.append(error)
    return faults
