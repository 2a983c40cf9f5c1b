"""`python -m pipeline`: see cli.py."""

import _signal  # type: ignore[import-not-found]
import sys

if __name__ == "__main__":
    # Until the entrance is imported Ctrl-C just ends the process. The module signal takes a moment itself.
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

    from pipeline.cli.entrance import run_process

    # What these did stands, whoever reads of it.
    DOERS = ("run", "study", "resume", "stop", "serve", "deploy", "undeploy", "image", "local-sagemaker")
    sys.exit(run_process("pipeline.cli.main", sys.argv[1:], DOERS))
