"""The parser of every command. Nothing heavy is imported here: `--help` must answer at once."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from pipeline.cli.arguments import EarlierName, Parser, parser_of
from pipeline.definition.parameters import LOCAL_VALUES, PARAMETERS
from pipeline.definition.search_space import GRID_SIZE, STRATEGIES
from pipeline.definition.settings import PRECISIONS
from pipeline.registry import STAGES

TARGETS = ("local", "docker", "sagemaker")
DEFAULT_PLACE = "default"  # of --mlflow: see pipeline.tracking.place


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of every command; each sets `command` to the name of its module in pipeline.cli.commands.

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

    run = commands.add_parser(
        "run",
        help="compile the pipeline, execute it, report",
        epilog=describe_parameters(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(run)
    run.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a pipeline parameter; may be repeated",
    )
    add_graph(run)
    run.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the four IDX files (else: found or fetched)"
    )
    run.add_argument("--any-data", action="store_true", help="accept a DIR that is not Fashion-MNIST itself")
    run.add_argument(
        "--definition",
        type=Path,
        metavar="FILE",
        help="execute this compiled definition instead, in the local engine; nothing is fetched from outside",
    )
    run.add_argument(
        "--upload",
        action="append",
        default=[],
        metavar="PATH=s3://BUCKET/KEY",
        help="with --definition: first copy a file, or the files of a folder, into the local S3, where they stay; "
        "may be repeated",
    )
    run.add_argument(
        "--handler",
        action="append",
        default=[],
        metavar="STEP-OR-ARN=FILE:FUNCTION",
        help="with --definition: the Python function that a Lambda or Callback step calls here, named by the step, "
        "the function's ARN or the queue's URL; may be repeated",
    )
    add_programs(run)
    run.add_argument("--no-cache", action="store_true", help="run every step, also what could be reused")
    run.add_argument(
        "--parallel", type=int, metavar="N", help="run at most N jobs at once (default: all there are)"
    )
    run.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="STEP",
        help="run only these steps; see --from for the others",
    )
    run.add_argument(
        "--from",
        dest="source",
        metavar="ID",
        help="with --only: the execution whose results stand for the steps before, and whose parameters hold "
        "where --param says nothing (default: the latest)",
    )
    add_launcher(run, "container")
    add_job_images(run)
    add_tracking(run)
    add_spending(run)
    add_output(run)

    study = commands.add_parser(
        "study",
        help="train every model under several seeds, say first how long it takes, write tables",
        epilog=describe_parameters(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_study(study)
    add_output(study)

    definition = commands.add_parser("definition", help="print the compiled definition")
    definition.add_argument("--monitor", action="store_true", help="that of the monitor's pipeline instead")
    add_target(definition)
    add_graph(definition)
    add_tracking(definition)

    resume = commands.add_parser(
        "resume", help="continue an execution that failed, was stopped or killed, from what is done"
    )
    add_execution(resume)
    add_target(resume)
    add_launcher(resume, "container")
    add_job_images(resume)
    add_tracking(resume)
    add_output(resume)

    stop = commands.add_parser("stop", help="stop the execution that another command runs")
    stop.add_argument("execution", nargs="?", metavar="ID", help="execution id (default: the one that runs)")
    add_target(stop)

    executions = commands.add_parser("executions", help="list past executions")
    add_target(executions)
    executions.add_argument("--json", action="store_true", help="print JSON")

    commands.add_parser(
        "rebuild", help="put the state database together again, after it was damaged or deleted"
    )

    prune = commands.add_parser(
        "prune", help="remove old executions from the state folder, and free their space"
    )
    prune.add_argument(
        "--keep", type=int, default=10, metavar="N", help="keep the newest N executions (default: 10)"
    )
    prune.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")

    show = commands.add_parser("show", help="show one execution in full")
    add_execution(show)
    add_target(show)
    shown = show.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON")
    shown.add_argument(
        "--follow",
        action="store_true",
        help="with --target sagemaker: follow it to its end, as `run` does",
    )
    add_tracking(show)
    show.add_argument("--plain", action="store_true", help="with --follow: plain lines, not the live view")

    logs = commands.add_parser("logs", help="print a step's log")
    add_step(logs)
    logs.add_argument(
        "--all",
        action="store_true",
        help="also the lines that TensorFlow writes before it knows that they are switched off",
    )
    add_target(logs)

    explain = commands.add_parser("explain", help="say why a step was run and not reused")
    add_step(explain)
    explain.add_argument("--json", action="store_true", help="print JSON")

    debug = commands.add_parser(
        "debug",
        help="open a shell where a failed step's job ran",
        description="Opens a shell in the folder that the failed job of a step left, with the job's environment, "
        "started as the job was, with the local S3 running. The exit status is that of the shell or the command.",
    )
    debug.add_argument(
        "--host", metavar="NAME", help="of a job with several hosts, this one (default: algo-1)"
    )
    add_step(debug)
    debug.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help="run this instead of a shell; last, after --",
    )

    report = commands.add_parser("report", help="build an execution's HTML report again")
    add_execution(report)
    add_target(report)

    mlflow = commands.add_parser(
        "mlflow",
        help="show executions in MLflow, or publish earlier ones",
        description="Alone: shows all executions in MLflow, on this machine, until Ctrl-C. publish: publishes "
        "one execution (default: the latest), or all.",
    )
    mlflow.add_argument("action", nargs="?", choices=("publish",), help="publish, instead of showing")
    add_execution(mlflow)
    mlflow.add_argument("--all", action="store_true", help="with publish: all executions")
    add_target(mlflow)
    add_tracking(mlflow)
    mlflow.add_argument(
        "--port", type=int, default=5000, metavar="N", help="port (default: %(default)s; 0: a free one)"
    )

    registry = commands.add_parser(
        "registry", help="list, show, approve, reject or promote registered models"
    )
    registry.add_argument("action", choices=("list", "show", "approve", "reject", "promote"))
    registry.add_argument("version", nargs="?", type=int, metavar="V", help="the version; not for list")
    registry.add_argument("--to", choices=STAGES, default=None, help="with promote: the stage")
    registry.add_argument(
        "--note", default="", metavar="TEXT", help="with promote: why, for whoever looks later"
    )
    add_target(registry)
    registry.add_argument("--group", metavar="NAME", default=None, help="model package group")
    registry.add_argument("--json", action="store_true", help="print JSON")

    versions = commands.add_parser(
        "versions",
        help="list, name or go back to versions of the pipeline in SageMaker",
        description="SageMaker keeps every definition that a run has sent. Schedules start the newest.",
    )
    versions.add_argument(
        "action", nargs="?", default="list", choices=("list", "alias", "rollback"), help="default: list"
    )
    versions.add_argument("version", nargs="?", metavar="V", help="its number or alias; not for list")
    versions.add_argument(
        "--as", dest="alias", metavar="NAME", help="with alias: the name, which only V has then"
    )
    versions.add_argument("--json", action="store_true", help="print JSON")

    predict = commands.add_parser(
        "predict",
        help="class probabilities of images, from a registered model",
        description="Classifies PNG and JPEG images of any size, and rows of IDX files.",
    )
    add_images(predict)
    add_model(predict)

    batch = commands.add_parser(
        "batch",
        help="class probabilities of any number of images, by a pipeline with a transform job",
        description="Scores PNG, JPEG and IDX images with a registered model, and writes JSON Lines. The same "
        "command again goes on with what is not finished.",
    )
    batch.add_argument(
        "input", metavar="INPUT", help="a folder, an IDX or image file, or s3://BUCKET/PREFIX of the target"
    )
    batch.add_argument("output", type=named_path, metavar="OUTPUT", help="a folder for the predictions")
    add_model(batch)
    add_background(batch)
    batch.add_argument("--plain", action="store_true", help="plain lines instead of the live view")
    on_aws = batch.add_argument_group("with --target sagemaker, where it costs money")
    on_aws.add_argument("--instance-type", metavar="T", help="instance type (default: ml.c5.xlarge)")
    on_aws.add_argument("--instances", type=int, metavar="N", help="number of instances (default: 1)")
    on_aws.add_argument("--yes", action="store_true", help="do not ask")

    serve = commands.add_parser(
        "serve",
        help="serve a registered model on this machine",
        description="Serves a registered model as TensorFlow Serving does (REST), and as a SageMaker container.",
    )
    add_model(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen at (default: %(default)s)")
    serve.add_argument(
        "--port", type=int, default=8501, metavar="N", help="port (default: %(default)s; 0: a free one)"
    )
    serve.add_argument("--quiet", action="store_true", help="do not print a line for each request")
    serve.add_argument(
        "--capture",
        metavar="DIR-OR-S3",
        help="write requests and answers to a folder or S3 prefix, in the form of SageMaker's data capture",
    )
    serve.add_argument(
        "--capture-percent", type=int, metavar="P", help="capture P percent of them (default: 100)"
    )
    serve.add_argument(
        "--capture-limit", type=int, metavar="MIB", help="keep at most so much of them (default: 1024)"
    )

    monitor = commands.add_parser(
        "monitor",
        help="compare captured requests with what the model was registered with, and fail on drift",
        description="Runs the pipeline fashion-mnist-monitor on requests that serve --capture or deploy --capture "
        "wrote. Exit status 1: something has drifted, or could not be compared.",
    )
    add_monitor(monitor)
    add_target(monitor)
    add_launcher(monitor, "container")
    add_spending(monitor, again=False)
    add_output(monitor)

    deploy = commands.add_parser(
        "deploy",
        help="put an approved model behind a SageMaker endpoint",
        description="Makes or changes a SageMaker endpoint in the AWS account, which costs money until undeploy.",
    )
    deploy.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="approved version in the account's registry (default: the newest)",
    )
    deploy.add_argument("--group", metavar="NAME", default=None, help="model package group")
    hosting = deploy.add_mutually_exclusive_group()
    hosting.add_argument("--serverless", action="store_true", help="no instances: costs by request")
    hosting.add_argument("--instance-type", metavar="T", help="instance type (default: ml.m5.large)")
    deploy.add_argument("--instances", type=int, metavar="N", help="number of instances (default: 1)")
    deploy.add_argument(
        "--max-instances",
        type=int,
        metavar="N",
        help="let their number follow the requests, up to N, each of which costs",
    )
    deploy.add_argument(
        "--requests",
        type=int,
        metavar="N",
        help="with --max-instances: how many an instance is to answer a minute (default: 1000)",
    )
    deploy.add_argument(
        "--memory", type=int, metavar="MB", help="with --serverless: 1024 to 6144 (default: 3072)"
    )
    deploy.add_argument(
        "--concurrency", type=int, metavar="N", help="with --serverless: requests at once (default: 5)"
    )
    deploy.add_argument(
        "--capture",
        nargs="?",
        type=int,
        const=100,
        metavar="P",
        help="capture P percent of the requests in the stack's bucket (alone: 100); not with --serverless",
    )
    deploy.add_argument(
        "--stage",
        choices=STAGES,
        default=None,
        help="only a version that was promoted there (registry promote)",
    )
    deploy.add_argument(
        "--smoke",
        action="store_true",
        help="test it afterwards, as smoke does, and go back if it does not pass",
    )
    add_smoke(deploy)
    add_endpoint(deploy)
    deploy.add_argument("--yes", action="store_true", help="do not ask")

    undeploy = commands.add_parser(
        "undeploy", help="remove a SageMaker endpoint and all that was made for it"
    )
    add_endpoint(undeploy)
    undeploy.add_argument("--yes", action="store_true", help="do not ask")

    invoke = commands.add_parser(
        "invoke",
        help="class probabilities of images, from an endpoint or a server",
        description="Asks a SageMaker endpoint, or a server (serve, TensorFlow Serving), to classify images.",
    )
    add_images(invoke)
    asked = invoke.add_mutually_exclusive_group()
    asked.add_argument(
        "--endpoint", metavar="NAME", help="SageMaker endpoint (default: the one that deploy makes)"
    )
    asked.add_argument("--url", metavar="URL", help="a server instead, for example http://127.0.0.1:8501")

    smoke = commands.add_parser(
        "smoke",
        help="test an endpoint or a server with a held sample: accuracy and latency",
        description="Asks an endpoint, or a server, for test images of the data set; 1 when it is not good enough.",
    )
    served = smoke.add_mutually_exclusive_group()
    served.add_argument(
        "--endpoint", metavar="NAME", help="SageMaker endpoint (default: the one that deploy makes)"
    )
    served.add_argument("--url", metavar="URL", help="a server instead, for example http://127.0.0.1:8501")
    add_smoke(smoke)
    smoke.add_argument("--json", action="store_true", help="print JSON")

    local_sagemaker = commands.add_parser(
        "local-sagemaker",
        help="SageMaker's API on this machine, whose pipelines and jobs the local engine executes",
        description="Serves SageMaker's API on loopback until Ctrl-C, or runs COMMAND as a client of it and ends "
        "with it. Prints the variables that lead clients there; see docs/local-sagemaker.md.",
        usage="%(prog)s [-h] [--port N] [--state DIR] [--cores N] [-- COMMAND …]",
    )
    local_sagemaker.add_argument(
        "--port", type=int, default=0, metavar="N", help="the port (default: any that is free)"
    )
    local_sagemaker.add_argument(
        "--state",
        type=named_path,
        metavar="DIR",
        help="the state folder (default: .local, or the folder that FASHION_HOME names)",
    )
    local_sagemaker.add_argument(
        "--cores",
        type=int,
        metavar="N",
        help="the cores that the jobs of all executions share (default: those of this machine)",
    )
    local_sagemaker.add_argument(
        "program", nargs="*", metavar="COMMAND", help="after --, a command to run as a client of it"
    )

    image = commands.add_parser("image", help="build this project's image for --launcher container")
    base = image.add_mutually_exclusive_group()
    base.add_argument(
        "--base",
        metavar="IMAGE",
        help="build on this image: Python 3.11 or later, pip, bash (default: pinned)",
    )
    base.add_argument(
        "--debootstrap", action="store_true", help="build on Debian's own packages (on Debian, as root)"
    )

    commands.add_parser("doctor", help="say what this machine can run")

    data = commands.add_parser("data", help="find or fetch the data set, and say where it lies")
    data.add_argument("--data", type=Path, metavar="DIR", help="a folder to check")
    return parser


def describe_parameters() -> str:
    """The pipeline's parameters, for the end of a command's help."""
    lines = ["pipeline parameters (--param NAME=VALUE; those of a --definition FILE are its own):"]
    for parameter in PARAMETERS:
        local = f"; locally {LOCAL_VALUES[parameter.name]}" if parameter.name in LOCAL_VALUES else ""
        default = "" if parameter.default in (None, "") else f" (default: {parameter.default}{local})"
        text = f"{parameter.meaning}; {parameter.expected}{default}"
        lines += [
            f"  {parameter.name}",
            *textwrap.wrap(text, 74, initial_indent="    ", subsequent_indent="    "),
        ]
    return "\n".join(lines)


def named_path(text: str) -> Path:
    """A path that the user named.

    An empty one would be the working folder, and an s3:// address a folder in it that is called "s3:".
    """
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a folder")
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is an address; name a folder of this machine")
    return Path(text)


def add_target(parser: argparse.ArgumentParser) -> None:
    """Adds --target."""
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default="local",
        help="where to run (default: local); docker: local, with --launcher container",
    )


def add_tuning(parser: argparse.ArgumentParser) -> None:
    """Adds the choices of a search for hyperparameters."""
    parser.add_argument(
        "--tune",
        type=int,
        metavar="N",
        help="first search each candidate's learning rate, batch size and label smoothing in N trials",
    )
    parser.add_argument(
        "--tune-strategy",
        choices=STRATEGIES,
        help=f"how trials are proposed (default: Bayesian; Grid makes {GRID_SIZE})",
    )


def add_graph(parser: argparse.ArgumentParser) -> None:
    """Adds the choices that change the pipeline's graph."""
    add_tuning(parser)
    parser.add_argument(
        "--candidates",
        metavar="A,B:N,…",
        help="which models to train, and under how many seeds if fewer than others (default: "
        "baseline,cnn-3x3,cnn-5x5)",
    )
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="train each under N seeds (default: 1)"
    )
    parser.add_argument(
        "--instances",
        type=int,
        default=1,
        metavar="N",
        help="hosts of each training job, which share its batches (default: 1)",
    )
    add_precision(parser)
    add_machines(parser)


def add_precision(parser: argparse.ArgumentParser) -> None:
    """Adds what networks compute in."""
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="auto",
        help="float32: never train in bfloat16, not even where the CPU or GPU multiplies in it (default: auto)",
    )


def add_machines(parser: argparse.ArgumentParser) -> None:
    """Adds what jobs on SageMaker run on and how they are shut off; a local run keeps to the graph alone."""
    group = parser.add_argument_group(
        "jobs on SageMaker", "compiled into the definition; no effect elsewhere"
    )
    group.add_argument("--spot", action="store_true", help="train on spot instances, from checkpoints")
    group.add_argument(
        "--warm-pool-seconds",
        type=int,
        default=0,
        metavar="N",
        help="keep the instances of a training job for the next one, at most 3600 s, which cost meanwhile",
    )
    group.add_argument(
        "--instance-types",
        default="",
        metavar="A,B",
        help="train on the first of these types that is free, instead of TrainingInstanceType",
    )
    group.add_argument("--subnets", default="", metavar="A,B", help="run jobs in these subnets of a VPC")
    group.add_argument("--security-groups", default="", metavar="A,B", help="and in these security groups")
    group.add_argument(
        "--kms-key",
        default="",
        metavar="ARN",
        help="encrypt results, and volumes where there are any, with this key",
    )
    group.add_argument(
        "--isolate",
        action="store_true",
        help="no network in the containers of NormalizeData and of training jobs",
    )
    group.add_argument(
        "--encrypt-traffic",
        action="store_true",
        help="encrypt what the hosts of a training job send each other",
    )
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="tag jobs for the bill; may be repeated",
    )


def add_images(parser: argparse.ArgumentParser) -> None:
    """Adds the images to classify, and how the answer is shown."""
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="a PNG or JPEG file, or rows of an IDX file: t10k-images-idx3-ubyte.gz#17, …#0-9, …#3,17",
    )
    add_background(parser)
    parser.add_argument(
        "--top", type=int, default=3, metavar="K", help="show K classes an image (default: 3)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_background(parser: argparse.ArgumentParser) -> None:
    """Adds what is done about light backgrounds."""
    parser.add_argument(
        "--background",
        choices=("auto", "dark", "light"),
        default="auto",
        help="light: invert the images, for the model was trained on white on black; dark: never do; "
        "auto (default): invert an image whose border is light, and say so",
    )


def add_smoke(parser: argparse.ArgumentParser) -> None:
    """Adds what a smoke test asks for."""
    parser.add_argument(
        "--images", type=int, default=200, metavar="N", help="test images to ask for (default: %(default)s)"
    )
    parser.add_argument(
        "--min-accuracy", type=float, default=0.8, metavar="A", help="share of them to be right (%(default)s)"
    )
    parser.add_argument(
        "--max-latency",
        type=float,
        default=1000.0,
        metavar="MS",
        help="milliseconds that nine in ten answers to one image may take (%(default)s)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with the data set (default: found)")


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Adds which endpoint is meant."""
    parser.add_argument(
        "--endpoint",
        metavar="NAME",
        dest="endpoint_name",
        help="the endpoint (default: the project's name)",
    )
    parser.add_argument("--endpoint-name", action=EarlierName, now="--endpoint", dest="endpoint_name")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds which registered model is meant, and of which registry."""
    parser.add_argument(
        "--target", choices=("local", "sagemaker"), default="local", help="whose registry (default: local)"
    )
    parser.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="registered version (default: the newest approved, else the newest)",
    )
    parser.add_argument("--group", metavar="NAME", default=None, help="model package group")


def add_monitor(parser: argparse.ArgumentParser) -> None:
    """Adds which captured requests are compared, and what follows."""
    parser.add_argument(
        "capture",
        nargs="?",
        metavar="CAPTURE",
        help="folder or s3:// URI that they lie below (default: the folder captured of the project's bucket)",
    )
    parser.add_argument(
        "--endpoint", metavar="NAME", help="whose requests (default: the only one that there are any of)"
    )
    parser.add_argument(
        "--model",
        type=int,
        metavar="V",
        help="registered version that answered (default: the newest requests')",
    )
    parser.add_argument("--group", metavar="NAME", default=None, help="model package group")
    parser.add_argument(
        "--hours", type=int, default=0, metavar="N", help="those of the last N hours (default: all)"
    )
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="on drift start the training pipeline, whose winner must not be worse than the approved model",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="with --retrain: the labelled data set to train on, as for run",
    )
    parser.add_argument(
        "--any-data", action="store_true", help="with --data: accept a DIR that is not Fashion-MNIST itself"
    )


def add_programs(parser: argparse.ArgumentParser) -> None:
    """Adds what the jobs of a local run run, and with which Python."""
    parser.add_argument(
        "--stand-in",
        action="append",
        default=[],
        metavar="STEP-OR-IMAGE=COMMAND",
        help="what to run in the place of a step, or of images (a glob) that bring no command of their own; may be "
        "repeated",
    )
    parser.add_argument(
        "--python", metavar="PATH", help="run the jobs of a local run with this Python and its packages"
    )


def add_study(parser: argparse.ArgumentParser) -> None:
    """Adds what a study takes; the same command again goes on with one that was interrupted."""
    add_tuning(parser)
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="train each under N seeds (default: 5)"
    )
    parser.add_argument(
        "--candidates",
        metavar="A,B:N,…",
        help="which models, and under how many seeds if fewer than others (default: baseline and the arms of the "
        "kernel experiment)",
    )
    add_precision(parser)
    parser.add_argument("--with", dest="more", metavar="A,B,…", help="models besides, for example resnet")
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a pipeline parameter; may be repeated (Epochs: the definition's own default, not a local run's)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of the four IDX files (else: found or fetched)"
    )
    parser.add_argument(
        "--any-data", action="store_true", help="accept a DIR that is not Fashion-MNIST itself"
    )
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="train N at once (default: one for each core)"
    )
    parser.add_argument(
        "--out", type=named_path, metavar="DIR", help="where the tables go (default: study in the state)"
    )
    parser.add_argument(
        "--force", action="store_true", help="write them also to a folder that holds something else"
    )
    add_launcher(parser)
    add_programs(parser)
    add_tracking(parser)
    once = parser.add_mutually_exclusive_group()
    once.add_argument("--estimate", action="store_true", help="say how long it would take, and run nothing")
    once.add_argument(
        "--tables", metavar="ID", help="write the tables of an earlier execution, and run nothing"
    )


def add_launcher(parser: argparse.ArgumentParser, *more: str) -> None:
    """Adds how jobs of a local run are started; `more` are ways that not every command has."""
    in_image = ", or in containers of their images by Docker or podman" if "container" in more else ""
    parser.add_argument(
        "--launcher",
        choices=("auto", "sandbox", "process", *more),
        default="auto",
        help="how a local run starts jobs: in a sandbox with an /opt/ml and a /tmp of its own (Linux), as plain "
        f"processes{in_image} (auto: a sandbox where this machine allows it, else processes)",
    )


def add_job_images(parser: argparse.ArgumentParser) -> None:
    """Adds which images jobs in containers run in."""
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="STEP-OR-IMAGE=IMAGE",
        help="with --launcher container: the image that a step runs in, or that stands for others (a glob); may be "
        "repeated",
    )


def add_tracking(parser: argparse.ArgumentParser) -> None:
    """Adds where executions are published."""
    parser.add_argument(
        "--mlflow",
        nargs="?",
        const=DEFAULT_PLACE,
        metavar="WHERE",
        help="publish to MLflow: alone, to the store in the state folder (on SageMaker: to the stack's app); "
        "http://…, to that server; the ARN of an MLflow app or tracking server of SageMaker, which also goes into "
        "the definition; the word local, to the state folder in any case",
    )


def add_spending(parser: argparse.ArgumentParser, *, again: bool = True) -> None:
    """Adds what concerns runs that cost money; `again`: the same command finds what it started."""
    group = parser.add_argument_group("with --target sagemaker, where a run costs money")
    group.add_argument("--yes", action="store_true", help="do not ask, whatever the run may cost")
    group.add_argument(
        "--max-cost",
        type=float,
        metavar="USD",
        help="ask above this ceiling (default: what FASHION_MAX_COST says, else 10)",
    )
    if not again:
        return
    group.add_argument(
        "--again",
        type=int,
        default=0,
        metavar="N",
        help="start the very same run once more, for the Nth time; without it a repeated command finds the first",
    )
    group.add_argument(
        "--pipeline-version",
        metavar="V",
        help="start that version of the pipeline (its number, or an alias) as it is; see versions",
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Adds how a command that runs an execution shows it."""
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--json", action=EarlierName, now="--result", dest="result", type=Path)
    parser.add_argument("--plain", action="store_true", help="plain lines instead of the live view")


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Adds the optional ID of an execution."""
    parser.add_argument(
        "execution",
        nargs="?",
        metavar="ID",
        help="execution id, or a unique beginning of one (default: the latest)",
    )


def add_step(parser: argparse.ArgumentParser) -> None:
    """Adds a step of an execution."""
    parser.add_argument("execution", metavar="ID", help="execution id, or a unique beginning of one")
    parser.add_argument("step", metavar="STEP", help="the step's name, for example Train-cnn-3x3-0")
