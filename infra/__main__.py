"""`python -m infra`."""

import _signal  # type: ignore[import-not-found]
import sys

if __name__ == "__main__":
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # see pipeline/__main__.py

    from pipeline.cli.entrance import run_process

    sys.exit(run_process("infra.cli", sys.argv[1:], ("plan", "deploy", "destroy")))
