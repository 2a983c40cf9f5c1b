"""The parser of every command. Nothing heavy is imported here: `--help` must answer at once."""

from __future__ import annotations

import argparse

from pipeline.cli.arguments import Parser, parser_of
from pipeline.cli.parsers import endpoints, executions, machine, models, pipelines

# In the order of --help; each adds the command that it is called for, whose module in pipeline.cli.commands has its
# name.
COMMANDS = (
    pipelines.run,
    pipelines.study,
    pipelines.definition,
    pipelines.resume,
    pipelines.stop,
    executions.executions,
    executions.rebuild,
    executions.prune,
    executions.show,
    executions.logs,
    executions.explain,
    executions.debug,
    executions.report,
    executions.mlflow,
    models.registry,
    pipelines.versions,
    models.predict,
    models.batch,
    models.serve,
    models.monitor,
    endpoints.deploy,
    endpoints.undeploy,
    endpoints.invoke,
    endpoints.smoke,
    machine.local_sagemaker,
    machine.image,
    machine.doctor,
    machine.data,
    machine.completion,
)


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of every command; each sets `command` to its name.

    `only`: the one command that is to be parsed, if that is known. The others are just named.
    """
    parser = Parser(
        prog="python -m pipeline",
        description="Fashion-MNIST on Amazon SageMaker Pipelines: run it here, or on AWS.",
        epilog="State lies under .local/, or in the folder that FASHION_HOME names.",
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=parser_of(only)
    )
    for add in COMMANDS:
        add(commands)
    return parser
