"""This project's own image for jobs in containers: its name, which says what is in it, and how it is built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.local.jobs.launchers.containers.engine import EngineError, find_engine

NAME = "fashion-mnist-jobs"
DEFAULT_BASE = "python:3.12-slim"
CONTEXT = Path(__file__).resolve().parents[2] / "infra" / "container"
_INGREDIENTS = ("Dockerfile", "requirements.lock")
_DIGEST_LENGTH = 12


def image_tag(context: Path = CONTEXT) -> str:
    """`fashion-mnist-jobs:<digest>` of the Dockerfile and the lock file: another recipe, another tag."""
    digest = hashlib.sha256()
    for name in _INGREDIENTS:
        content = (context / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return f"{NAME}:{digest.hexdigest()[:_DIGEST_LENGTH]}"


def build_image(base: str = DEFAULT_BASE) -> str:
    """Build the image on `base`, showing the engine's output on standard error; returns its tag.

    Raises:
        EngineError: the build failed.
    """
    tag = image_tag()
    with tempfile.TemporaryDirectory() as sent:
        for name in _INGREDIENTS:
            shutil.copy(CONTEXT / name, sent)
        if trusted := _trusted_certificates():
            shutil.copy(trusted, Path(sent, "certificates.pem"))
        command = [
            find_engine().program, "build",
            # The packages come from wherever this machine gets them; a bridge may lead nowhere.
            "--network", "host",
            "--build-arg", f"BASE={base}",
            *_network_settings(),
            "--tag", tag,
            sent,
        ]  # fmt: skip
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"Could not build the image {tag}: {' '.join(command)} ended with status {done.returncode}; what it "
            "said is above. Where no registry can be reached, name a base that this engine has (docker images) "
            "with --base, or make one on Debian as root with --debootstrap."
        )
    return tag


def make_base(context: Path = CONTEXT) -> str:
    """Make a base image of Debian's own packages with debootstrap, as root; returns its name.

    Raises:
        EngineError: it could not be made.
    """
    name = "fashion-mnist-base:debian"
    command = ["sh", str(context / "make_base.sh"), name]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"Could not make the base image {name}: {' '.join(command)} ended with status {done.returncode}; what "
            "it said is above."
        )
    return name


def _network_settings() -> list[str]:
    """The user's package index and proxies, where set, as build arguments."""
    names = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    given = [name for name in names if os.environ.get(name)]
    return [word for name in given for word in ("--build-arg", name)]


def _trusted_certificates() -> Path | None:
    """The file of the certificate authorities that this machine trusts: the user's, else Debian's."""
    named = (os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))
    for path in (*(Path(name) for name in named if name), Path("/etc/ssl/certs/ca-certificates.crt")):
        if path.is_file():
            return path
    return None
