"""Builds .venv-infra, the environment of `make infra-check`. The Makefile runs it with the machine's own Python."""

import sys
from pathlib import Path

from pipeline.cli.set_up import main

if __name__ == "__main__":
    sys.exit(main(Path("infra/requirements.lock"), Path(".venv-infra")))
