"""Functions in the place of Lambda functions and of who answers callbacks: `run --handler WHAT=FILE:FUNCTION`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.jobs.functions.bound_names import bound_names, syntax_fault
from pipeline.local.jobs.inputs import before_execution
from pipeline.near_match import did_you_mean
from pipeline.spec.definition import Definition, Json, Step
from pipeline.spec.for_each import every_request
from pipeline.spec.step_types import STEP_TYPES


@dataclass(frozen=True)
class Handler:
    """The function `name` of `file` (absolute), for what `of` names: a step, a Lambda's ARN or a queue's URL."""

    of: str
    file: Path
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@dataclass(frozen=True)
class Function:
    """What a step calls: `handler` in the place of `target`, the ARN or URL ("" when it is not known)."""

    handler: Handler
    target: str
    step: Step
    execution_arn: str = ""

    def identity(self) -> str:
        """What decides its result besides the arguments, as text.

        Raises:
            OSError: the file cannot be read.
        """
        digest = hashlib.sha256(self.handler.file.read_bytes()).hexdigest()
        return "\n".join(
            ["handler", self.handler.name, digest, json.dumps(self.step.members, sort_keys=True)]
        )


def parse_handler(text: str, folder: Path) -> Handler:
    """Read WHAT=FILE:FUNCTION; FILE is relative to `folder`.

    Raises:
        UsageError: a part is missing, or there is no such file, or no such function in it.
    """
    # A queue's URL may have a query, a path has no "=" as a rule.
    of, equals, place = text.rpartition("=")
    file, colon, name = place.rpartition(":")
    if not (equals and of.strip() and colon and file and name.isidentifier()):
        raise UsageError(
            f"Could not read --handler {text!r}: write STEP=FILE:FUNCTION, or instead of the step the ARN of the "
            "Lambda function or the URL of the queue, such as --handler Deploy=handlers.py:deploy"
        )
    return _present(Handler(of.strip(), (folder / Path(file).expanduser()).absolute(), name))


def _present(handler: Handler) -> Handler:
    if not handler.file.is_file():
        raise UsageError(f"Could not use the handler of {handler.of}: there is no file {handler.file}.")
    names = bound_names(handler.file)
    if names is not None and handler.name not in names:
        raise UsageError(
            f"Could not use the handler of {handler.of}: {handler.file} defines no {handler.name}."
            f"{did_you_mean(handler.name, sorted(names))} Name a function of that file: FILE:FUNCTION."
        )
    return handler


def to_json(handlers: Iterable[Handler]) -> dict[str, str]:
    """The handlers as an execution's record keeps them."""
    return {each.of: str(each) for each in handlers}


def from_json(recorded: Mapping[str, str]) -> tuple[Handler, ...]:
    """The handlers of an execution's record.

    Raises:
        UsageError: one of their files is gone, or has the function no more.
    """
    places = {of: text.rpartition(":") for of, text in recorded.items()}
    return tuple(_present(Handler(of, Path(file), name)) for of, (file, _, name) in places.items())


def visible_paths(handlers: Iterable[Handler]) -> list[Path]:
    """What jobs must find where it is: the files, and what lies beside them for them to import."""
    return [path for each in handlers for path in (each.file, each.file.parent)]


def assign_handlers(
    definition: Definition,
    parameters: Mapping[str, Json],
    handlers: Sequence[Handler],
    to_run: Collection[str],
) -> dict[str, Function]:
    """What each of the steps `to_run` that call a function calls, by the step's place in the definition, which a
    step of a ForEach step's body shares with its children; of several handlers for the same the last counts.

    Raises:
        UsageError: a step has no handler, or a handler no step; the message lists all of them.
    """
    targets = {step.name: _target(step, parameters) for step in every_request(definition) if _calls(step)}
    by_name = {handler.of: handler for handler in handlers}
    known = [*targets, *filter(None, targets.values())]
    for handler in handlers:
        if handler.of not in known:
            raise UsageError(
                f"Could not use --handler {handler.of}=…: the definition has no Lambda or Callback step of that "
                f"name, and none that calls that.{did_you_mean(handler.of, known)} Its steps: "
                f"{', '.join(targets) or 'none'}."
            )
    functions, problems = {}, []
    due = (each for step in definition.steps if step.name in to_run for each in (step, *step.body))
    for step in filter(_calls, due):
        target = targets[step.name]
        chosen = by_name.get(step.name) or by_name.get(target)
        if chosen is not None:
            functions[step.json_path] = Function(chosen, target, step)
        else:
            problems.append(f"  {step.name} ({step.type}, calls {target or 'what another step says'})")
    if problems:
        example = problems[0].split()[0]
        raise UsageError(
            "These steps call functions of AWS, so the local engine has to know which function of yours stands for "
            "each (nothing was started):\n"
            + "\n".join(problems)
            + "\nName one by the step, the ARN or the URL: "
            f"--handler {example}=handlers.py:function"
        )
    return functions


def check_syntax(handlers: Iterable[Handler]) -> None:
    """Raises UsageError for a file that is not Python, where this Python is to run it."""
    for handler in handlers:
        if fault := syntax_fault(handler.file):
            raise UsageError(f"Could not use the handler of {handler.of}: {fault}")


def _calls(step: Step) -> bool:
    return STEP_TYPES[step.type].runs == "function"


def _target(step: Step, parameters: Mapping[str, Json]) -> str:
    target = before_execution(step.members.get(STEP_TYPES[step.type].called or ""), parameters)
    return target if isinstance(target, str) else ""
