"""Builds .venv-infra, the environment of `make infra-check`. The Makefile runs it with the machine's own Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.cli.set_up import SetUpError, build, say

LOCK = Path("infra/requirements.lock")
ENVIRONMENT = Path(".venv-infra")


def main() -> int:
    """Builds it in the current folder; returns the exit status."""
    try:
        build(LOCK, ENVIRONMENT)
    except SetUpError as error:
        say(str(error))
        return 1
    except (OSError, subprocess.CalledProcessError) as error:
        say(
            f"Setting up {ENVIRONMENT}: expected to be able to write it. Received: {error}. "
            "Make room or give permission, then run the same command again."
        )
        return 1
    except KeyboardInterrupt:
        say(f"\nInterrupted. {ENVIRONMENT} is not finished; the next command starts it again.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
