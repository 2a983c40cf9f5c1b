"""`run`: compile the pipeline, execute it, show it while it runs, report."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from pipeline.cli.commands.choices import check_run, find_source, name_champion, own_images
from pipeline.cli.commands.compile_options import MACHINE_FLAGS, compile_choices, flags_given
from pipeline.cli.commands.following import execute, read_choices
from pipeline.console import say
from pipeline.definition.parameters import LOCAL_VALUES, Value, parse_parameters
from pipeline.definition.settings import PROJECT
from pipeline.errors import UsageError


def main(args: argparse.Namespace) -> int:
    """Checks all that can be checked before anything starts, then runs."""
    check_run(args)
    args.environ = dict(os.environ)
    if args.definition is not None:
        from pipeline.cli.commands.run_definition import run_definition

        return run_definition(args)
    return run_project(args)


def run_project(args: argparse.Namespace) -> int:
    """Runs this project's pipeline in the local engine."""
    if args.upload:
        raise UsageError(
            f"--upload {args.upload[0]!r} goes with --definition FILE. The data of this project's own "
            "pipeline are given with --data DIR."
        )
    if args.handler:
        raise UsageError(
            f"--handler {args.handler[0]!r} goes with --definition FILE: this project's own pipeline calls no "
            "functions. Leave it out."
        )
    given = parse_parameters(args.param)
    graph = compile_choices(args, given)
    from pipeline.dataset.choice import find_dataset
    from pipeline.local.state.isolation import isolate
    from pipeline.local.state.state_dir import home_from

    home = home_from(os.environ)
    isolate(os.environ)
    source = find_source(args, home, PROJECT)
    folder = None
    if "InputDataUri" not in given and (source is None or args.data is not None):
        variable = os.environ.get("FASHION_DATA")
        folder = find_dataset(
            args.data or (Path(variable) if variable else None), home.root / "data", any_data=args.any_data
        )
        say(f"Data set: {folder}")

    from pipeline.spec.validation import check_definition
    from pipeline.targets.local import local_settings_for, open_local

    settings = local_settings_for(graph)
    with open_local(home, say, containers=args.launcher == "container") as target:
        text = target.compile(settings)
        values: dict[str, Value] = {**LOCAL_VALUES, **({} if source is None else source.parameters), **given}
        if folder is not None:
            values["InputDataUri"] = target.upload_data(settings, folder)
        name_champion(target, settings, values, given)
        smaller = ", ".join(f"{name}={value}" for name, value in LOCAL_VALUES.items() if name not in given)
        if source is not None:
            say(f"Parameters that --param does not set are those of execution {source.execution_id}.")
        elif smaller:
            say(f"Local values: {smaller}. The definition's own defaults are meant for GPU instances.")
        check_definition(json.loads(text), values)
        if idle := flags_given(args, MACHINE_FLAGS):
            say(f"In the definition, but without effect here: {', '.join(idle)}.")
        if args.launcher == "container":
            args.image += own_images(text, given)
        return execute(args, target, text, values, read_choices(args, source))
