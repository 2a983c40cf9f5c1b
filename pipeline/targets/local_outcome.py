"""What an execution left in its folder of the local state: the evaluation's files, the report, the steps' logs."""

from __future__ import annotations

import re
from collections import deque
from contextlib import suppress
from pathlib import Path

from pipeline.definition.settings import PROJECT
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.local.jobs.log_noise import is_noise
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.report.outcome import FILES, Outcome, read_files, write_report_of

__all__ = [
    "Outcome", "build_report", "log_tails", "output_uri", "provide_report", "read_outcome", "report_file",
]  # fmt: skip

LOG_TAIL_LINES = 20
# Among so many is looked for one that can be copied.
_REPORTS = 20


def output_uri(record: ExecutionRecord, name: str) -> str | None:
    """The S3 URI of the processing output called `name` of a step that succeeded, without a slash at its end."""
    found = _output(record, name)
    return None if found is None else found[1]


def _output(record: ExecutionRecord, name: str) -> tuple[StepRecord, str] | None:
    """The step that has the output, and the output's URI."""
    for step in record.steps:
        outputs = step.properties.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for output in outputs.values() if isinstance(outputs, dict) else outputs:
            if output.get("OutputName") == name and step.status == "Succeeded":
                return step, output["S3Output"]["S3Uri"].rstrip("/")
    return None


def read_outcome(home: Home, store: Store, record: ExecutionRecord) -> Outcome:
    """What the execution's evaluation step wrote, from the stored objects; needs no services.

    Another project's pipeline may have an output of that name too: what is in it is not this project's evaluation.
    """
    found = _output(record, "evaluation")
    report = report_file(home, record.execution_id)
    if found is None:
        return Outcome(None, None, None, report)
    step, uri = found
    objects = Objects(home, store)
    stored = {each.uri.removeprefix(f"{uri}/"): each for each in objects.under(f"{uri}/")}
    damages = {name: objects.damage(each) for name, each in stored.items() if name in FILES}
    return read_files(
        {name: objects.path(each) for name, each in stored.items()},
        step.reused_from,
        report,
        damaged={name: damage for name, damage in damages.items() if damage is not None},
        own=record.pipeline_name == PROJECT,
    )


def report_file(home: Home, execution_id: str) -> Path | None:
    """The report of an execution, where it was built; None when there is none."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", execution_id):  # a package's metadata may say anything
        return None
    report = home.execution(execution_id) / "report.html"
    return report if report.is_file() else None


def build_report(home: Home, record: ExecutionRecord, outcome: Outcome) -> Path:
    """Writes the HTML report into the execution's folder and returns its path. Needs an evaluation."""
    from pipeline.report.reuse import made_of, seal

    report = write_report_of(record, outcome, home.execution(record.execution_id) / "report.html")
    return seal(report, record, made_of(record, outcome))


def provide_report(home: Home, record: ExecutionRecord, outcome: Outcome) -> Path:
    """As build_report; but where the evaluation was reused, and all else that a report shows is as it was, the
    report of an earlier execution is copied."""
    found = _output(record, "evaluation")
    report = home.execution(record.execution_id) / "report.html"
    if found is not None and (evaluated := found[0].reused_from) is not None:
        from pipeline.report.reuse import copy_report, made_of

        key = made_of(record, outcome)
        if copy_report(_newest_reports(home.executions), record, evaluated, key, report):
            return report
    return build_report(home, record, outcome)


def _newest_reports(executions: Path) -> list[Path]:
    dated = []
    for report in executions.glob("*/report.html"):
        with suppress(OSError):
            dated.append((report.stat().st_mtime, report))
    return [report for _, report in sorted(dated, reverse=True)[:_REPORTS]]


def log_tails(home: Home, record: ExecutionRecord) -> dict[str, list[str]]:
    """The last lines of the log of each step that failed."""
    tails = {}
    for step in record.steps:
        log = home.step_log(record.execution_id, step.name)
        if step.status == "Failed" and log.is_file():
            with log.open(encoding="utf-8", errors="replace") as lines:
                read = (line for line in lines if not is_noise(line))
                tails[step.name] = [line.rstrip("\n") for line in deque(read, LOG_TAIL_LINES)]
    return tails
