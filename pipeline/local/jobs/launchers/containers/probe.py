"""Tries, before anything starts, what every job will need: our files and our local S3, from within a container."""

from __future__ import annotations

import secrets
from pathlib import Path

from pipeline.local.jobs.image import Image
from pipeline.local.jobs.launchers.containers.engine import Engine, EngineMissing, call, quote
from pipeline.local.jobs.launchers.containers.sweep import mount

_NO_FILE, _NO_ENDPOINT = 3, 4
# What the engine returns for an image without /bin/sh.
_NO_SHELL = 127
# For /bin/sh; what it cannot try, because the image has no program for it, the first job will.
_REACH = f"""
read -r found </mnt/probe
[ "$found" = "$1" ] && echo >/mnt/probe || exit {_NO_FILE}
for python in python3 python; do
  if command -v "$python" >/dev/null 2>&1; then
    exec "$python" -c '
import sys, urllib.error, urllib.request
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(sys.argv[1], timeout=10)
except urllib.error.HTTPError as answer:
    if b"not signed" not in answer.read():  # what our S3 says to one who is nobody, but reaches it
        print("another answer:", answer, file=sys.stderr)
        sys.exit({_NO_ENDPOINT})
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({_NO_ENDPOINT})
' "$2"
  fi
done
"""


def require_reach(engine: Engine, image: Image, endpoint: str, network: str | None, folder: Path) -> None:
    """Check that a container of `image` can write to `folder`, an empty one, and reaches `endpoint`.

    Raises:
        EngineMissing: it cannot. Nothing was started.
    """
    token = secrets.token_hex(8)
    (folder / "probe").write_text(f"{token}\n", encoding="utf-8")
    done = call(
        engine.program, "run", "--rm", "--init", "--pull", "never", "--user", "0:0",
        *(() if network is None else ("--network", network)),
        "--mount", mount(str(folder), "/mnt"),
        "--entrypoint", "/bin/sh", image.name, "-c", _REACH, "sh", token, endpoint,
    )  # fmt: skip
    if done.returncode in (0, _NO_SHELL):
        return
    if done.returncode == _NO_FILE:
        what = f"cannot read and write {folder.parent}"
        advice = (
            "The engine does not see this machine's files: use an engine on this machine (docker context ls) "
            "that may share that folder."
        )
    elif done.returncode == _NO_ENDPOINT:
        what = f"does not reach the local S3 at {endpoint}"
        advice = (
            "A firewall may drop what containers send: let it in (with ufw: sudo ufw allow in on docker0)."
        )
    elif "container-init" in done.stderr:
        what = "does not start"
        advice = "Install podman's init (on Debian: apt-get install catatonit)."
    else:
        what = "does not start"
        advice = f"Try it: {engine.name} run --rm --entrypoint /bin/sh {image.name} -c true"
    raise EngineMissing(
        f"Jobs cannot run in containers: one of {image.name} {what} (exit status {done.returncode}: "
        f"{quote(done)}). {advice}"
    )
