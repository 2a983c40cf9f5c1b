"""Prints how an execution's candidates compare, against the case study, and what became of the winner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pipeline.analysis.answer import opening
from pipeline.analysis.case_study import SPLIT_NAMES, SPLITS, Reference, Split, reference_for, standing
from pipeline.analysis.evaluation import Candidate, Evaluation, Registration, measured, ranked
from pipeline.execution import ExecutionRecord
from pipeline.formatting import count, duration, percent, plural
from pipeline.printable import printable
from pipeline.view.states import state_of
from pipeline.view.terminal import NARROW, PIPE_WIDTH, make_table, open_console, print_fact

MARKS = {"below": "↓", "within": "=", "above": "↑", None: " "}
MARK_STYLES = {"below": "yellow", "within": "cyan", "above": "bold cyan", None: ""}
LEGEND = "Against the case study: ↑ above, = within, ↓ below its band.  ★ winner"


def print_leaderboard(
    evaluation: Evaluation,
    registration: Registration,
    record: ExecutionRecord,
    report: Path | None,
    stream: TextIO,
) -> None:
    """The candidates, best first on validation, the case study's bands, the gate, the registry, the report.

    `evaluation` and `registration` are the contents of evaluation.json and registration.json.
    """
    console = open_console(stream)
    print_results(console, evaluation, registration, record, report)
    if record.status == "Succeeded":
        print_fact(console, "Execution", f"{record.execution_id} {duration_of(record)}")


def print_results(
    console: Console,
    evaluation: Evaluation,
    registration: Registration,
    record: ExecutionRecord,
    report: Path | None,
) -> None:
    """What print_leaderboard prints, but for the execution itself."""
    console.print()
    for sentence in opening(evaluation, record):
        console.print(Text(printable(sentence)), soft_wrap=True)
    console.print()
    print_candidates(console, evaluation)
    console.print()
    winner, gate = evaluation["winner"], evaluation["gate"]
    print_fact(
        console,
        "Winner",
        f"{winner['name']} (seed {winner['seed']}): {percent(winner['validation_accuracy'])} on validation, "
        f"{percent(winner['test_accuracy'])} on test",
        style="bold",
    )
    verdict = state_of("Succeeded" if gate["passed"] else "Failed")
    word = "passed" if gate["passed"] else "missed"
    print_fact(console, "Gate", f"{verdict.symbol} {word}. {gate['reason']}", style=verdict.style)
    print_fact(console, "Registered", registered(registration))
    if arn := registration["model_package_arn"]:
        print_fact(console, "", arn, style="dim")
    if report is not None:
        print_fact(console, "Report", report)


def print_candidates(console: Console, evaluation: Evaluation) -> None:
    """The candidates' accuracies and costs, as a table, or as a list where the terminal is narrow."""
    candidates = ranked(evaluation["candidates"])
    winner = evaluation["winner"]["id"]
    if console.width < NARROW:
        print_list(console, candidates, winner)
    else:
        print_table(console, candidates, winner)
    console.print(Text(LEGEND, style="dim"))


def print_table(console: Console, candidates: Sequence[Candidate], winner: str) -> None:
    """One row a candidate; the case study's rows that apply stand below."""
    roomy = console.width >= PIPE_WIDTH
    table = make_table(gap=2 if roomy else 1)
    table.add_column("model", overflow="fold", min_width=10)
    for split in SPLITS:
        table.add_column(
            f"{SPLIT_NAMES[split]} acc." if roomy else SPLIT_NAMES[split], no_wrap=True, justify="right"
        )
    table.add_column("parameters" if roomy else "params", no_wrap=True, justify="right")
    table.add_column("images/s", no_wrap=True, justify="right")
    table.add_column("training time" if roomy else "time", no_wrap=True, justify="right")
    for each in candidates:
        table.add_row(
            name_cell(each, winner),
            *(accuracy_cell(each, split) for split in SPLITS),
            Text(count(each["params"])),
            Text(count(each["images_per_second"])),
            Text(duration(each["train_seconds"])),
        )
    for reference in references_of(candidates):
        bands = (Text(f"{reference.band(split)}  ", style="dim") for split in SPLITS)
        table.add_row(Text(f"  study {reference.title}", style="dim"), *bands)
    console.print(table)


def print_list(console: Console, candidates: Sequence[Candidate], winner: str) -> None:
    """A few short lines a candidate."""
    for each in candidates:
        console.print(name_cell(each, winner))
        for split in SPLITS:
            reference = reference_for(each["name"])
            study = "" if reference is None else f"  study {reference.band(split)}"
            label = Text(f"  {SPLIT_NAMES[split]:<11}")
            console.print(label + accuracy_cell(each, split) + Text(study, style="dim"))
        console.print(
            Text(f"  {count(each['params'])} parameters, {duration(each['train_seconds'])}", style="dim")
        )


def name_cell(candidate: Candidate, winner: str) -> Text:
    """The candidate's name and seed, with a star for the winner."""
    won = candidate["id"] == winner
    return Text(f"{'★' if won else ' '} {printable(candidate['id'])}", style="bold" if won else "")


def accuracy_cell(candidate: Candidate, split: Split) -> Text:
    """An accuracy, marked by how it stands to the case study's band."""
    accuracy = measured(candidate, split)
    stands = standing(candidate["name"], split, accuracy)
    cell = Text(f"{percent(accuracy)} ")
    return cell.append(MARKS[stands], style=MARK_STYLES[stands])


def references_of(candidates: Sequence[Candidate]) -> list[Reference]:
    """The case study's rows that the candidates belong to, in their order."""
    found = (reference_for(each["name"]) for each in candidates)
    return list(dict.fromkeys(reference for reference in found if reference is not None))


def registered(registration: Registration) -> str:
    """What became of the winner in the Model Registry, in words."""
    reason = registration["reason"]
    if registration["version"] is None:
        return f"nothing. {reason}".strip()
    return reason or f"Version {registration['version']}."


def duration_of(record: ExecutionRecord) -> str:
    """How the execution ended, and after how long."""
    spent = record.seconds
    reused = sum(step.cached for step in record.steps)
    note = f", {reused} of {plural(len(record.steps), 'step')} reused" if reused else ""
    if record.ended_at is not None and spent is not None:
        paused = record.ended_at - record.started_at - spent
        note += f", with a pause of {duration(paused)}" if paused > 0 else ""
    return f"{state_of(record.status).word} after {duration(spent)}{note}"
