"""What a job's code asks pip for: installed into the job's layer before its program starts.

What pip downloads is kept in the state folder, so that the next job with the same requirements needs no download;
what it installs goes with the job. Where pip looks for packages is the user's choice: the settings of his pip hold
in jobs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.local.jobs.container import Container

# Settings that say where packages come from. Nothing else of the user's environment passes (see environment.py).
_SETTINGS = (
    "PIP_CONFIG_FILE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_TRUSTED_HOST",
    "PIP_CERT", "PIP_DEFAULT_TIMEOUT",
)  # fmt: skip
# As pip documents them ("Configuration files"), below the user's home; a job has another home.
_FILES = (".config/pip/pip.conf", ".pip/pip.conf", "Library/Application Support/pip/pip.conf")


def pip_variables(user: Mapping[str, str], cache: Path) -> dict[str, str]:
    """The environment of pip in a job: what `user` has set for it, and the folder that keeps its downloads."""
    variables = {name: user[name] for name in _SETTINGS if name in user}
    if "PIP_CONFIG_FILE" not in variables and "HOME" in user:
        files = (Path(user["HOME"], name) for name in _FILES)
        if found := next((file for file in files if file.is_file()), None):
            variables["PIP_CONFIG_FILE"] = str(found)
    return variables | {"PIP_CACHE_DIR": str(cache), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def index_variables(user: Mapping[str, str]) -> dict[str, str]:
    """Of those what holds in a container, too: no path of this machine is there."""
    files = ("PIP_CONFIG_FILE", "PIP_CERT", "PIP_FIND_LINKS")
    return {name: user[name] for name in _SETTINGS if name in user and name not in files}


def after_installing(
    packages: Sequence[str], command: Sequence[str], python: str, container: Container, message_file: str
) -> list[str]:
    """`command`, before which `python` installs `packages` (arguments of pip install) in its working directory.

    When that fails, so does the job, and the reason in `message_file` says what could not be installed.
    """
    if not packages:
        return list(command)
    asked = shlex.join(packages)
    message = (
        f"Could not install what the job's code asks for (pip install {asked}). The log says which package; a "
        "local run needs the network for it, or a Python that has it already (--python)."
    )
    script = (
        f'"$0" -m pip install {asked} || {{ printf "%s\\n" {shlex.quote(message)} >'
        f' {shlex.quote(container.seen(message_file))}; exit 1; }}; exec "$@"'
    )
    return ["/bin/sh", "-c", script, python, *command]
