"""What leads a client to this server: environment variables, and the SageMaker SDK's own configuration file.

The SDK's `default_bucket()` and its telemetry ask addresses of AWS whatever the endpoint says; the file that
SAGEMAKER_USER_CONFIG_OVERRIDE names keeps them from that.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UsageError
from pipeline.local.state.credentials import Credentials
from pipeline.local.state.isolation import aws_settings, direct_loopback

VARIABLE = "SAGEMAKER_USER_CONFIG_OVERRIDE"
# Of the user's own, these would lead elsewhere; they are taken away.
_AWS = ("AWS_", "BOTO")
_ALWAYS_UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def client_environment(url: str, credentials: Credentials, config: Path) -> dict[str, str]:
    """The variables that clients need; no other variable of AWS's may be set."""
    return {**aws_settings(url, credentials), **direct_loopback(), VARIABLE: str(config)}


def command_environment(user: Mapping[str, str], client: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a command: the user's, led to the server."""
    kept = {name: value for name, value in user.items() if not leads_elsewhere(name)}
    return kept | dict(client)


def exports(user: Mapping[str, str], client: Mapping[str, str]) -> str:
    """Lines for the user's shell that do the same."""
    unset = sorted({*_ALWAYS_UNSET, *(name for name in user if leads_elsewhere(name) and name not in client)})
    lines = [
        f"unset {' '.join(unset)}",
        *(f"export {name}={shlex.quote(value)}" for name, value in client.items()),
    ]
    return "\n".join(lines)


def write_config(file: Path, bucket: str, user: Mapping[str, str]) -> str | None:
    """Write the SDK's configuration: the user's own, if there is one, with the bucket and no telemetry.

    Returns one sentence when the user's own cannot be merged, else None.

    Raises:
        UsageError: the user's own file cannot be read, or is none of the SDK's.
    """
    own = user.get(VARIABLE)
    merged: dict[str, Any] = {"SchemaVersion": "1.0"}
    note = None
    if own and own.startswith("s3://"):
        note = (
            f"Note: {VARIABLE} names {own}, which is not in the local S3; the configuration there has no effect "
            "on clients of this server."
        )
    elif own:
        merged = _read(Path(own))
    modules = merged
    for name in ("SageMaker", "PythonSDK", "Modules"):
        modules = modules.setdefault(name, {})
    modules["TelemetryOptOut"] = True
    modules.setdefault("Session", {})["DefaultS3Bucket"] = bucket
    # JSON is YAML.
    file.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")
    return note


def _read(path: Path) -> dict[str, Any]:
    """The configuration at a path of the user's: a file, or a folder with a config.yaml."""
    import yaml  # type: ignore[import-untyped]

    file = path / "config.yaml" if path.is_dir() else path
    doing = f"Could not read the SageMaker SDK's configuration {file}, which {VARIABLE} names"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{doing}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}. Unset it."
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(f"{doing}: it is not YAML ({error}). Correct it, or unset the variable.") from None
    if not _is_object(content, "SageMaker", "PythonSDK", "Modules", "Session"):
        raise UsageError(f"{doing}: it is not of the SDK's form. Correct it, or unset the variable.")
    # Dates, which YAML has and JSON has not, are texts in this configuration.
    plain: dict[str, Any] = json.loads(json.dumps(content, default=str))
    return plain


def _is_object(content: object, *names: str) -> bool:
    """Whether it is an object, as are those below these names, one in another, as far as they are there."""
    for name in names:
        if not isinstance(content, dict):
            return False
        if name not in content:
            return True
        content = content[name]
    return isinstance(content, dict)


def leads_elsewhere(name: str) -> bool:
    """Whether a variable may lead a client to something other than this server."""
    return name.upper().startswith(_AWS) or name == VARIABLE
