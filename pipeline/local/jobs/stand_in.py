"""Commands that run in the place of images that cannot run here: `run --stand-in STEP-OR-IMAGE=COMMAND`.

A stand-in for a step's name replaces whatever its job would run. One for an image (a glob on its URI) holds for the
jobs that bring no program of their own: built-in algorithms, images with an entry point, Spark. One for SageMaker's
built-in XGBoost comes along, for jobs whose Python has the package xgboost.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.jobs.environment import program_path
from pipeline.local.jobs.interpreter import Interpreter
from pipeline.local.jobs.layer import layer_programs
from pipeline.spec.built_in import repository_of

# AWS's images that serve SavedModels.
_TENSORFLOW_REPOSITORIES = (
    "tensorflow-inference",
    "tensorflow-inference-eia",
    "sagemaker-tensorflow-serving",
    "sagemaker-tensorflow-serving-eia",
)
_STAND_INS = Path(__file__).with_name("stand_ins")


@dataclass(frozen=True)
class StandIn:
    """`command` runs in the place of the step, or of the images, that `of` names."""

    of: str
    command: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of this machine that the command names."""
        return tuple(Path(word) for word in self.command if word.startswith("/") and _is_file(Path(word)))

    def identity(self) -> str:
        """What decides what it does, as text: its words, and the digest of each file that they name.

        Raises:
            OSError: a file cannot be read.
        """
        digests = (hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files)
        return "\n".join(["stand-in", shlex.join(self.command), *digests])


def parse_stand_in(text: str, folder: Path) -> StandIn:
    """Read STEP-OR-IMAGE=COMMAND; words that name files relative to `folder` become absolute paths.

    Raises:
        UsageError: a part is missing, the command has an open quote, or a script of it is not there.
    """
    of, equals, command = text.partition("=")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"Could not read --stand-in {text!r}: {error} in its command.") from error
    if not equals or not of.strip() or not words:
        raise UsageError(
            f"Could not read --stand-in {text!r}: write STEP=COMMAND or IMAGE=COMMAND, such as --stand-in "
            '"Train=python3 my_algorithm.py" or --stand-in "*/my-image:*=./serve.sh --once".'
        )
    found = [_absolute(word, folder) for word in words]
    for word, path in zip(words, found, strict=True):
        of_container = word.startswith("/opt/ml/")
        if path == word and word.endswith((".py", ".sh")) and not of_container and not _is_file(Path(word)):
            raise UsageError(f"Could not read --stand-in {text!r}: there is no file {word} in {folder}.")
    return StandIn(of.strip(), tuple(found))


def check_stand_ins(stand_ins: Iterable[StandIn], python: Interpreter, user: Mapping[str, str]) -> None:
    """Check that a job with this Python, of a user with this environment, finds the programs.

    Raises:
        UsageError: one is not on this machine, or is not executable.
    """
    path = program_path(user, python.executable.parent)
    own = {name for names in layer_programs(python.version) for name in names}
    for stand_in in stand_ins:
        program = stand_in.command[0]
        if program in own or program.startswith("/opt/ml/") or shutil.which(program, path=path):
            continue
        fault = "is not on this machine. Install it, so that it is on the PATH, or give its path"
        if _is_file(Path(program)):
            fault = f"is not executable: chmod +x {program}, or name what runs it before it (python3, sh)"
        raise UsageError(f"Could not use --stand-in {stand_in.of}=…: the program {program} {fault}.")


def _absolute(word: str, folder: Path) -> str:
    # `python3` is a program, though a folder may have a file of that name.
    path = folder / word
    return str(path.absolute()) if ("/" in word or "." in word) and _is_file(path) else word


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # No name of a file: a program's text, longer than names may be.


def choose_stand_in(
    stand_ins: Iterable[StandIn], step: str, image: str, *, own_program: bool
) -> StandIn | None:
    """The one for a step's job, whose image is `image`; `own_program`: whether the job brings its own."""
    stand_ins = tuple(stand_ins)
    for stand_in in stand_ins:
        if stand_in.of == step:
            return stand_in
    if own_program:
        return None
    return next((each for each in stand_ins if fnmatchcase(image, each.of)), None)


def is_tensorflow(image: str) -> bool:
    """Whether `image` is one of AWS's that serve TensorFlow's SavedModels, by the name of its repository."""
    return repository_of(image) in _TENSORFLOW_REPOSITORIES


def xgboost_stand_in(image: str, *, serving: bool = False) -> StandIn:
    """The one that comes along, for `image`, which trains a model or is `serving` it."""
    if serving:
        return StandIn(image, ("python3", str(_STAND_INS / "xgboost_serving.py")))
    return StandIn(image, ("python3", str(_STAND_INS / "xgboost_training.py"), "--image", image))


def visible_paths(stand_ins: Iterable[StandIn]) -> list[Path]:
    """What jobs must find where it is: the files that stand-ins name, and what lies beside them."""
    return [path for each in stand_ins for file in each.files for path in (file, file.parent)]


def to_json(stand_ins: Iterable[StandIn]) -> dict[str, list[str]]:
    """The stand-ins as an execution's record keeps them."""
    return {each.of: list(each.command) for each in stand_ins}


def from_json(recorded: Mapping[str, Sequence[str]]) -> tuple[StandIn, ...]:
    """The stand-ins of an execution's record."""
    return tuple(StandIn(of, tuple(command)) for of, command in recorded.items())
