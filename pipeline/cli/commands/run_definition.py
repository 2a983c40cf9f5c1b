"""`run --definition FILE`: execute a compiled definition, of this project or of another, in the local engine."""

from __future__ import annotations

import argparse
import os
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from pipeline.cli.commands.choices import find_source
from pipeline.cli.commands.compile_options import MACHINE_FLAGS, flags_given
from pipeline.cli.commands.following import execute, read_choices
from pipeline.console import say
from pipeline.definition.parameters import Value
from pipeline.errors import UsageError

# What decides this project's definition or its data, with what it is when nobody says it.
OWN_FLAGS = {
    "--candidates": None,
    "--data": None,
    "--seeds": 1,
    "--tune": None,
    "--tune-strategy": None,
    "--instances": 1,
    **MACHINE_FLAGS,
}


def run_definition(args: argparse.Namespace) -> int:
    """Executes a compiled definition from a file in the local engine; returns the exit status."""
    for flag, value in flags_given(args, OWN_FLAGS).items():
        raise UsageError(
            f"{flag} {value} belongs to this project's own definition, and does not go with --definition "
            f"{args.definition}. Leave it out; set the definition's parameters with --param."
        )
    from pipeline.spec.definition_file import read_definition_file

    file = read_definition_file(args.definition)
    values: dict[str, Value] = {}
    for assignment in args.param:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--param {assignment!r} is not NAME=VALUE.")
        values[name] = value

    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from
    from pipeline.spec.diagnostics import said_of_service
    from pipeline.spec.parameters import resolve_parameters
    from pipeline.spec.parsing import parse_text
    from pipeline.spec.validation import read_checked, service_findings

    document = parse_text(file.text)
    definition, findings = read_checked(document, file.text)
    home = home_from(os.environ)
    name = file.pipeline_name or pipeline_name(args.definition)

    from pipeline.local.jobs.launchers.choice import try_sandbox

    # Meanwhile the rest is read, checked and imported.
    with nullcontext() if args.launcher == "process" else try_sandbox(home, os.environ) as trial:
        source = find_source(args, home, name)
        if source is not None:
            known = {parameter.name for parameter in definition.parameters}
            values = {name: value for name, value in source.parameters.items() if name in known} | values
        resolved = resolve_parameters(definition, values)
        if file.form is not None:
            say(file.form)
        if "Version" not in document:
            say("The definition names no Version: it is read as 2020-12-01, the only one there is.")
        if remarks := service_findings(definition, findings, resolved):
            say(said_of_service(remarks))
        choices = replace(read_choices(args, source), trial=trial)
        isolate(os.environ)

        from pipeline.targets.local import open_local

        with open_local(home, say, containers=args.launcher == "container") as target:
            target.pipeline_name = name
            return execute(args, target, definition, values, choices)


def pipeline_name(file: Path) -> str:
    """What executions of the definition in `file` say their pipeline is called: the JSON itself has no name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", file.stem).strip("-")[:256].rstrip("-") or "definition"
