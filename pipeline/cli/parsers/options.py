"""Options that several commands have, each declared once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

from pipeline.cli.arguments import EarlierName

TARGETS = ("local", "docker", "sagemaker")
DEFAULT_PLACE = "default"  # of --mlflow: see pipeline.tracking.place

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def named(text: str) -> str:
    """A name that the user gave; an empty one, as of a variable that is not set, would mean the default."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give a name, or leave the flag out")
    return text


def named_path(text: str, kind: str = "folder") -> Path:
    """A path that the user named.

    An empty one would be the working folder, and an s3:// address a folder in it that is called "s3:".
    """
    if not text:
        raise argparse.ArgumentTypeError(f"it is empty; name a {kind}")
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is an address; name a {kind} of this machine")
    return Path(text)


def named_file(text: str) -> Path:
    """As named_path, of a file."""
    return named_path(text, "file")


def output_folder(text: str) -> Path:
    """As named_path, of a folder to write to: none that a state folder has for its own purposes."""
    from pipeline.local.state.ownership import owner_of

    folder = named_path(text)
    try:
        owner = owner_of(folder)
    except RuntimeError:  # What pathlib says of links that lead in a circle.
        raise argparse.ArgumentTypeError(
            f"the links of {text} lead in a circle; name another folder"
        ) from None
    except ValueError:  # Half a character that no byte stands for.
        raise argparse.ArgumentTypeError("no folder can be called that; name another folder") from None
    if owner is not None:
        raise argparse.ArgumentTypeError(f"{text} is the state folder's own ({owner}); name another folder")
    return folder


def add_target(parser: argparse.ArgumentParser) -> None:
    """Adds --target."""
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default="local",
        help="where to run (default: local); docker: local, with --launcher container",
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
    add_json(parser)


def add_background(parser: argparse.ArgumentParser) -> None:
    """Adds what is done about light backgrounds."""
    parser.add_argument(
        "--background",
        choices=("auto", "dark", "light"),
        default="auto",
        help="light: invert the images, for the model was trained on white on black; dark: never do; "
        "auto (default): invert an image whose border is light, and say so",
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
    parser.add_argument("--result", type=named_file, metavar="FILE", help="write the result as JSON")
    parser.add_argument("--json", action=EarlierName, now="--result", dest="result", type=named_file)
    add_plain(parser)


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


def add_json(parser: argparse._ActionsContainer) -> None:
    """Adds --json, of a command that prints what it found."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_plain(parser: argparse.ArgumentParser) -> None:
    """Adds --plain, of a command that follows an execution."""
    parser.add_argument("--plain", action="store_true", help="plain lines instead of the live view")


def add_yes(parser: argparse._ActionsContainer) -> None:
    """Adds --yes, of a command that asks before it spends money or removes something."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def add_group(parser: argparse.ArgumentParser) -> None:
    """Adds which group of the model registry is meant."""
    parser.add_argument("--group", type=named, metavar="NAME", help="model package group")


def add_port(parser: argparse.ArgumentParser, default: int) -> None:
    """Adds where a server listens."""
    parser.add_argument(
        "--port", type=int, default=default, metavar="N", help="port (default: %(default)s; 0: a free one)"
    )
