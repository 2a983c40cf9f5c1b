"""What the monitor's job left, read and shown: the same for every target."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord
from pipeline.formatting import plural

OUTPUT = "monitoring"  # the job's output
FILES = ("drift.json", "report.html")
DRIFT = "drift"
SHOWN = 5  # measures on the terminal; the report has all
_EXPECTED = {
    "verdict": str,
    "reason": str,
    "images": int,
    "endpoint": str,
    "comparisons": list,
    "left_out": dict,
}


def read_drift(content: bytes, place: str) -> dict[str, Any]:
    """The document in drift.json.

    Raises:
        StateError: it is none.
    """
    try:
        document = json.loads(content)
        if not isinstance(document, dict):
            raise ValueError("no object")
        for key, kind in _EXPECTED.items():
            if not isinstance(document.get(key), kind):
                raise ValueError(f"no {key}")
    except (ValueError, RecursionError) as error:
        raise StateError(
            f"The monitor's result {place} cannot be read: {error}. Run the monitor again."
        ) from None
    found: dict[str, Any] = document
    return found


def monitor_result(
    record: ExecutionRecord, drift: Mapping[str, Any] | None, report: str | None
) -> dict[str, Any]:
    """What `monitor --result` writes."""
    return {
        "execution_id": record.execution_id,
        "status": record.status,
        "failure_reason": record.failure_reason,
        "drift": None if drift is None else dict(drift),
        "report": report,
    }


def print_drift(drift: Mapping[str, Any], report: Path | str, stream: TextIO) -> None:
    """The verdict, what has drifted, what was left out, and where the report lies."""
    from pipeline.printable import printable
    from pipeline.view.terminal import open_console, print_fact

    console = open_console(stream)
    console.print()
    drifted = [each for each in drift["comparisons"] if each["drifted"]]
    style = "red" if drift["verdict"] == DRIFT else "green" if drift["verdict"] == "no_drift" else "yellow"
    print_fact(console, "Verdict", printable(drift["reason"]), style)
    for index, each in enumerate(sorted(drifted, key=lambda one: -one["effect"])[:SHOWN]):
        line = f"{each['title']}: {each['captured']}, {each['baseline']} in the baseline"
        print_fact(console, "" if index else "Drifted", printable(line))
    version = drift["model_version"]
    answered = "no model" if version is None else f"version {version} ({drift['model']})"
    print_fact(
        console,
        "Compared",
        printable(f"{plural(drift['images'], 'image')} of {drift['endpoint']}, answered by {answered}"),
    )
    for reason, count in drift["left_out"].items():
        print_fact(console, "Left out", printable(f"{count} {reason}"))
    print_fact(console, "Report", str(report))
