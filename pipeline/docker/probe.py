"""Tries, before anything starts, what every job will need: our files and our local S3, from within a container."""

from __future__ import annotations

import secrets
from pathlib import Path

from pipeline.docker.engine import DockerError, call

_NO_FILE, _NO_ENDPOINT = 3, 4
_REACH = f"""
import sys, urllib.error, urllib.request
endpoint, token = sys.argv[1:]
try:
    if open("/mnt/probe").read() != token:
        raise OSError("another file")
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({_NO_FILE})
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(endpoint, timeout=10)
except urllib.error.HTTPError as answer:
    if b"not signed" not in answer.read():  # what our S3 says to one who is nobody, but reaches it
        print("another answer:", answer, file=sys.stderr)
        sys.exit({_NO_ENDPOINT})
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit({_NO_ENDPOINT})
"""


def require_reach(image: str, endpoint: str, folder: Path) -> None:
    """Raises DockerError unless a container of `image` can read `folder`, mounted, and reaches `endpoint`."""
    token = secrets.token_hex(8)
    probe = folder / "probe"
    probe.write_text(token)
    try:
        done = call(
            "docker", "run", "--rm", "--volume", f"{folder}:/mnt:ro", "--entrypoint", "python3", image,
            "-c", _REACH, endpoint, token,
        )  # fmt: skip
    finally:
        probe.unlink()
    if done.returncode == 0:
        return
    if done.returncode == _NO_FILE:
        expected = f"to read {folder}"
        advice = (
            "The engine does not see this machine's files. Use an engine on this machine (docker context ls) "
            "that may share that folder."
        )
    elif done.returncode == _NO_ENDPOINT:
        expected = f"to reach the local S3 at {endpoint}"
        advice = (
            "A firewall may drop what containers send: let it in (with ufw: sudo ufw allow in on docker0)."
        )
    else:
        expected = "to run python3"
        advice = "Try it: docker run --rm --entrypoint python3 IMAGE -c pass"
    raise DockerError(
        f"Preparing TARGET=docker: expected a container of {image} {expected}. Received: exit status "
        f"{done.returncode}, {done.stderr.strip()[-300:]}. {advice}"
    )
