"""What an execution's evaluation left, read from its files and checked: the same on every target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.console import say
from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord

if TYPE_CHECKING:
    from pipeline.analysis.evaluation import Evaluation, Registration

# What an evaluation leaves: small files, and those of single images.
SMALL = ("evaluation.json", "registration.json", "model-card.json")
LARGE = ("predictions.npz", "gallery.npz")
FILES = SMALL + LARGE

Document = TypeVar("Document")


@dataclass(frozen=True)
class Outcome:
    """What the evaluation step of an execution wrote, and the report; None where it did not come to that.

    `faults` has a sentence for each file that is None because it is damaged.
    """

    evaluation: Evaluation | None
    registration: Registration | None
    predictions: Path | None
    report: Path | None
    gallery: Path | None = None
    model_card: dict[str, Any] | None = None
    faults: tuple[str, ...] = ()


def require_results(record: ExecutionRecord, outcome: Outcome) -> None:
    """Says which results are damaged, on standard error; they count as if they were not there.

    Raises:
        StateError: the evaluation itself is one of them.
    """
    if outcome.evaluation is None and outcome.faults:
        raise StateError(
            f"The results of execution {record.execution_id} cannot be shown: {outcome.faults[0]} Run it again "
            "with the same parameters: it evaluates anew, and reuses the trainings."
        )
    tell_faults(record, outcome)


def tell_faults(record: ExecutionRecord, outcome: Outcome) -> None:
    """Says which results are damaged, on standard error."""
    for fault in outcome.faults:
        say(f"Damaged results of execution {record.execution_id}, left out: {fault}")


def read_files(
    files: Mapping[str, Path],
    reused_from: str | None,
    report: Path | None,
    *,
    damaged: Mapping[str, str],
    own: bool,
) -> Outcome:
    """The outcome out of the files of the evaluation's output, by name; `reused_from`: whose evaluation was reused.

    `damaged` says of a file, by its name, how it differs from what was written. Another project's pipeline may have
    an output of that name too: unless it is our `own` pipeline, what is in it need not be our evaluation.
    """
    from pipeline.analysis.evaluation_reader import read_evaluation, read_object, read_registration

    reader = _Reader(files, damaged)
    if not own and "evaluation.json" not in damaged and not _is_evaluation(files.get("evaluation.json")):
        return Outcome(None, None, None, report)
    evaluation = reader.document("evaluation.json", read_evaluation, needed=True)
    if evaluation is None:
        return Outcome(None, None, None, report, faults=tuple(reader.faults))
    registration = reader.document("registration.json", read_registration)
    if registration is not None and reused_from is not None:
        registration = _of_earlier_execution(registration, reused_from)
    return Outcome(
        evaluation,
        registration,
        reader.file("predictions.npz"),
        report,
        reader.file("gallery.npz"),
        reader.document("model-card.json", read_object),
        tuple(reader.faults),
    )


class _Reader:
    """Reads files of an evaluation's output, and collects what is wrong with them."""

    def __init__(self, files: Mapping[str, Path], damaged: Mapping[str, str]) -> None:
        self._files = files
        self._damaged = damaged
        self.faults: list[str] = []

    def file(self, name: str) -> Path | None:
        """The file, None when there is none, or it is damaged."""
        if name in self._damaged:
            self._blame(name, self._damaged[name])
            return None
        return self._files.get(name)

    def document(self, name: str, read: Callable[[bytes], Document], needed: bool = False) -> Document | None:
        """What `read` makes of a JSON file; None when there is no file, or `read` refuses what is in it."""
        from pipeline.analysis.evaluation_reader import DamagedError

        file = self.file(name)
        if file is None:
            if needed and name not in self._damaged:
                self._blame(name, "it is missing")
            return None
        try:
            return read(file.read_bytes())
        except OSError as error:
            self._blame(name, error.strerror or str(error))
        except DamagedError as error:
            self._blame(name, str(error))
        return None

    def _blame(self, name: str, why: str) -> None:
        self.faults.append(f"{name} cannot be used: {why}.")


def _is_evaluation(file: Path | None) -> bool:
    """Whether the file says of itself that it is an evaluation of this project's, whatever else may be wrong."""
    if file is None:
        return False
    from pipeline.analysis.evaluation_reader import claims_to_be_evaluation

    try:
        return claims_to_be_evaluation(file.read_bytes())
    except OSError:
        return False


def write_report_of(record: ExecutionRecord, outcome: Outcome, out: Path) -> Path:
    """Writes the HTML report of an execution to `out` and returns that. Needs an evaluation."""
    from pipeline.analysis.evaluation import NOT_RECORDED
    from pipeline.report.writing import write_report

    if outcome.evaluation is None:
        raise ValueError(f"execution {record.execution_id} has no evaluation to report")
    return write_report(
        record,
        outcome.evaluation,
        outcome.registration or NOT_RECORDED,
        out,
        outcome.predictions,
        outcome.gallery,
        outcome.model_card,
    )


def _of_earlier_execution(registration: Registration, execution_id: str) -> Registration:
    """What the evaluation that was reused registered then, as this execution has to tell it."""
    if registration["version"] is None:
        return registration
    reason = (
        f"Version {registration['version']}, by execution {execution_id}, whose evaluation was reused. Nothing was "
        "registered anew."
    )
    return {**registration, "registered": False, "reason": reason}
