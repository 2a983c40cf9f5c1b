"""Calls a function of a user's file: python call_function.py FILE FUNCTION EVENT.json ANSWER.json [CONTEXT.json].

The program of a Lambda or Callback step's process. It imports the standard library only: the jobs' Python
runs it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

FAILED = 1


class Context:
    """What AWS Lambda gives a function beside its event, as far as it means something here."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.function_name = facts["function_name"]
        self.function_version = "$LATEST"
        self.invoked_function_arn = facts["invoked_function_arn"]
        self.memory_limit_in_mb = "10240"
        self.aws_request_id = facts["aws_request_id"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = self.aws_request_id
        self.identity = None
        self.client_context = None
        self._ends_at = time.monotonic() + facts["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time limit."""
        return max(0, int((self._ends_at - time.monotonic()) * 1000))


def main(argv: list[str]) -> int:
    """Calls the function, writes what it returns as JSON, and returns the exit status.

    A failure is told in one line, in the file `failure` beside the answer; the log has its traceback.
    """
    file, name, event, answer = (Path(argv[0]), argv[1], Path(argv[2]), Path(argv[3]))
    failure = answer.with_name("failure")
    # As in AWS Lambda, a function's file imports what lies beside it.
    sys.path[0] = str(file.parent)
    values = [json.loads(event.read_text(encoding="utf-8"))]
    if len(argv) > 4:
        values.append(Context(json.loads(Path(argv[4]).read_text(encoding="utf-8"))))
    try:
        function = load(file, name)
        returned = function(*values)
    except BaseException as error:
        print_error(error, file)
        failure.write_text(f"{type(error).__name__}: {error}", encoding="utf-8", errors="replace")
        return FAILED
    try:
        answer.write_text(json.dumps(returned), encoding="utf-8")
    except (TypeError, ValueError) as error:
        failure.write_text(f"{name} returned what cannot be written as JSON: {error}", encoding="utf-8")
        return FAILED
    return 0


def print_error(error: BaseException, file: Path) -> None:
    """Print the traceback from the user's `file` on: what called it, and imported it, is none of the user's."""
    told = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in told.stack if not frame.filename.startswith("<frozen importlib")]
    first = next((at for at, frame in enumerate(frames) if frame.filename == str(file)), len(frames))
    told.stack = traceback.StackSummary.from_list(frames[first:])
    if not told.stack and told.__cause__ is None and told.__context__ is None:
        print("".join(told.format_exception_only()), end="", file=sys.stderr)
    else:
        print("".join(told.format()), end="", file=sys.stderr)


def load(file: Path, name: str) -> Any:
    """The function `name` of the module that `file` is."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        raise AttributeError(f"{file.name} has no function {name}")
    return getattr(module, name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
