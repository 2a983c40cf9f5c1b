"""The project as a notebook uses it: each method is a cell's work, and shows its result below the cell."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.cli.notebook import page
from pipeline.cli.notebook.command import INTERRUPTED, Done, run_command
from pipeline.cli.notebook.place import Place, find_place
from pipeline.cli.notebook.progress import Progress
from pipeline.cli.notebook.svg_graph import draw, lay_out
from pipeline.cli.parser import build_parser
from pipeline.cli.parsers.graph import add_graph
from pipeline.cli.parsers.options import TARGETS
from pipeline.cli.targets import ALIASES
from pipeline.definition.parameters import parse_parameters
from pipeline.errors import NotebookError, UsageError
from pipeline.execution import target_flag
from pipeline.spec.definition import Definition
from pipeline.spec.parsing import read_checked

PYTHON = Path(".venv") / "bin" / "python"
ROLE_SECONDS = 30
DECISIONS = ("", "approve", "reject")
SUITABLE = ((3, 11), (3, 13))  # the first and the last Python that .venv can be made with
# What IPython's display() returns: a handle that can be updated.
Shown = Any


class Project:
    """The clone in `root`. `environ` is the environment of the commands that it runs."""

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        self.root = root
        # Kernels ask for the colours of a terminal, which tables do without.
        self.environ = {**(os.environ if environ is None else environ), "NO_COLOR": "1"}
        self.environ.pop("FORCE_COLOR", None)
        self.definition: Definition | None = None

    def set_up(
        self, arguments: str = "", parameters: str = "", target: str = "local", decision: str = ""
    ) -> None:
        """Builds .venv unless it is there; finds or fetches the data set unless the `arguments` of `run` name one.

        The settings of all cells are checked first: better now than after the run.

        Raises:
            NotebookError: it cannot, or a setting is wrong; the message has the reason.
        """
        args = read_arguments(arguments)
        read_parameters(parameters)
        check_target(target)
        check_decision(decision)
        environ = dict(self.environ)
        if "PYTHON" not in environ and SUITABLE[0] <= sys.version_info[:2] <= SUITABLE[1]:
            environ["PYTHON"] = sys.executable  # the kernel's own works; other Pythons of the machine may not
        words = ["sh", "pipeline/cli/with_python.sh", "-m", "pipeline.cli.set_up"]
        self._require(run_command(words, self.root, environ, print), "Setting up .venv")
        print("The environment .venv is ready.")
        if args.data is None:
            done = self._require(self.pipeline("data", hear=print), "Looking for the data set")
            print("Data set:", done.out.strip())

    def place(self) -> Place:
        """Shows where the notebook runs, under which role, in which region."""
        place = find_place(self.environ)
        if place.in_studio and place.role is None:
            place = Place(**{**vars(place), "role": self._role()})
        show(page.table(place.facts()))
        return place

    def _role(self) -> str | None:
        """The role that the credentials of this space stand for, None when STS does not say."""
        command = [str(self.root / PYTHON), "-m", "pipeline.cli.notebook.role"]
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=ROLE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip() or None

    def graph(self, target: str, arguments: str = "") -> Definition:
        """Compiles the definition and shows its graph. `arguments`: of `run`, those that change the graph count.

        Raises:
            NotebookError: it cannot be compiled.
        """
        words = ("definition", "--target", target, *graph_words(arguments))
        done = self._require(self.pipeline(*words, hear=print), "Compiling the pipeline")
        self.definition = read_checked(done.out)
        show(draw(lay_out(self.definition)))
        return self.definition

    def run(self, target: str, parameters: str = "", arguments: str = "") -> dict[str, Any]:
        """Runs the pipeline, shows its progress, and returns what `run --result` writes.

        A missed gate is a result. `parameters`: "Epochs=1 MinAccuracy=0.8"; `arguments`: more words for `run`.

        Raises:
            NotebookError: it failed or was stopped before it had one, or `parameters` are none.
        """
        given = read_parameters(parameters)
        definition = self.definition or self.graph(target, arguments)
        picture, progress = lay_out(definition), Progress.of(step.name for step in definition.steps)
        lines: list[str] = []

        def page_now(ended: bool = False) -> str:
            return page.progress(draw(picture, progress.states, progress.words), lines, ended)

        shown = show(page_now())

        def hear(line: str) -> None:
            progress.hear(line)
            lines.append(line)
            update(shown, page_now())

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "result.json"
            words = ["run", "--target", target, "--plain", "--result", str(file)]
            for parameter in given:
                words += ["--param", parameter]
            done = self.pipeline(*words, *shlex.split(arguments), hear=hear)
            result: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        update(shown, page_now(ended=True))
        print(page.wrapped(done.out))
        missed = done.status == 1 and result.get("gate") is not None
        if not missed:
            self._require(done, "Running the pipeline")
        return result

    def report(self, result: Mapping[str, Any]) -> Path:
        """Shows the HTML report of a run inside the notebook, and returns its path.

        Raises:
            NotebookError: the run left none.
        """
        if result["report"] is None:
            raise NotebookError(
                f"There is no report of execution {result['execution_id']}, as it ended {result['status']}: "
                f"{result['failure_reason']}"
            )
        path = Path(result["report"])
        show(page.frame(path.read_text(encoding="utf-8"), "Report of the run"))
        return path

    def monitor(self, target: str, capture: str) -> dict[str, Any] | None:
        """Compares captured requests with the baseline of their model, shows the report, and returns what `monitor
        --result` writes; None, where `capture` names none. Drift is a result.

        Raises:
            NotebookError: they could not be compared.
        """
        if not capture:
            show(page.listing(["CAPTURE is empty: no captured requests are compared."]))
            return None
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "monitor.json"
            words = ("--plain", "--result", str(file), *target_words(target))
            done = self.pipeline("monitor", capture, *words, hear=print)
            result: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        print(done.out)
        if done.status != 1 or not result.get("drift"):
            self._require(done, "Monitoring")
        show(page.frame(Path(result["report"]).read_text(encoding="utf-8"), "Report of the monitor"))
        return result

    def registry(self, result: Mapping[str, Any], target: str, decision: str = "") -> dict[str, Any]:
        """Shows the registry entry that a run made, after approving or rejecting it where `decision` says so.

        Raises:
            NotebookError: the run registered nothing, or `decision` is none of DECISIONS.
        """
        check_decision(decision)
        arn = result["model_package_arn"]
        if arn is None:
            gate = result.get("gate") or {}
            raise NotebookError(
                f"Execution {result['execution_id']} registered no model. "
                f"{gate.get('reason') or result['failure_reason']} Set a lower MinAccuracy in PARAMS, or "
                "train longer."
            )
        group, version = str(arn).rsplit("/", 2)[1:]
        place = ("--group", group, "--json", *target_words(target))
        if decision:
            self._require(self.pipeline("registry", decision, version, *place), f"Registry {decision}")
        done = self._require(self.pipeline("registry", "show", version, *place), "Looking up the model")
        entry: dict[str, Any] = json.loads(done.out)
        metadata = {name: str(value) for name, value in entry["metadata"].items()}
        show(
            page.table(
                [
                    ("Model", f"version {entry['version']} of {group}"),
                    ("Approval", entry["model_approval_status"]),
                    ("ARN", entry["model_package_arn"]),
                    ("Artifact", entry["model_data_url"]),
                    *sorted(metadata.items()),
                ]
            )
        )
        return entry

    def pipeline(self, *words: str, hear: Any = lambda line: None) -> Done:
        """Runs `python -m pipeline WORDS` in .venv."""
        return run_command([self.root / PYTHON, "-m", "pipeline", *words], self.root, self.environ, hear)

    def _require(self, done: Done, doing: str) -> Done:
        """`done`, if it succeeded. Raises NotebookError with what the command said last."""
        if done.status in (INTERRUPTED, -signal.SIGINT):
            raise NotebookError(
                f"{doing}: it was interrupted. Run the cells again from this one on: what is done is reused. A run "
                "that was stopped is also continued by: python -m pipeline resume"
            )
        if done.status != 0:
            raise NotebookError(f"{doing} failed with exit status {done.status}, and\n{done.last_words}")
        return done


def read_arguments(arguments: str) -> argparse.Namespace:
    """The arguments of `run` that the text `arguments` stands for.

    Raises:
        NotebookError: `run` does not take them; argparse has said why on standard error.
    """
    try:
        return build_parser().parse_args(["run", *shlex.split(arguments)])
    except (SystemExit, ValueError) as error:
        raise NotebookError(
            f"ARGS must be arguments of python -m pipeline run, not {arguments!r} ({error}). Correct them in "
            "the cell of the settings, then run all cells again."
        ) from None


def read_parameters(parameters: str) -> list[str]:
    """The assignments that the text `parameters` stands for, each "NAME=VALUE".

    Raises:
        NotebookError: a quote is open, or one of them cannot be set.
    """
    try:
        words = shlex.split(parameters)
        parse_parameters(words)
    except (UsageError, ValueError) as error:
        reason = str(error) if str(error).endswith((".", "?")) else f"{error}."
        raise NotebookError(
            f"PARAMS {parameters!r}: {reason} Correct it in the cell of the settings, then run all cells again."
        ) from None
    return words


def check_target(target: str) -> None:
    """Raises NotebookError unless there is such a target."""
    if target not in TARGETS:
        raise NotebookError(
            f"TARGET must be one of {', '.join(TARGETS)}, not {target!r}. Correct it in the cell of the "
            "settings, then run all cells again."
        )


def check_decision(decision: str) -> None:
    """Raises NotebookError unless `decision` is one of DECISIONS."""
    if decision not in DECISIONS:
        raise NotebookError(
            f'DECISION must be "approve", "reject" or "" (neither), not {decision!r}. '
            "Correct it in the cell of the settings, and run that cell and this one again."
        )


def graph_words(arguments: str) -> list[str]:
    """Those of the words for `run` that `definition` takes too: they change the graph."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    add_graph(parser)
    words = shlex.split(arguments)
    others = parser.parse_known_args(words)[1]
    kept = []
    for word in words:
        if others and word == others[0]:
            others.pop(0)
        else:
            kept.append(word)
    return kept


def target_words(target: str) -> list[str]:
    """How commands that look things up are told the target; without it they look here."""
    place, _ = ALIASES.get(target, (target, ""))
    return target_flag(place).split()


def show(content: str) -> Shown:
    """Shows HTML below the cell."""
    from IPython.display import HTML, display

    return display(HTML(content), display_id=True)  # type: ignore[no-untyped-call]


def update(shown: Shown, content: str) -> None:
    """Replaces what `show` showed."""
    from IPython.display import HTML

    shown.update(HTML(content))  # type: ignore[no-untyped-call]
