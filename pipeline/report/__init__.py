"""The HTML report of an execution: one self-contained file, built when an evaluation has ended, or again later."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord


def write_report(
    record: ExecutionRecord,
    evaluation: Mapping[str, Any],
    registration: Mapping[str, Any],
    out: Path,
    predictions: Path | None = None,
) -> Path:
    """Writes the report to `out`, whole or not at all, and returns its path.

    `evaluation` and `registration` are the contents of evaluation.json and registration.json. `predictions` is the
    path of predictions.npz, for the sections that look at single images; none does yet.

    Raises:
        StateError: the file cannot be written.
    """
    from pipeline.report.page import render_page  # matplotlib and jinja2 take a second to import

    content = render_page(record, evaluation, registration).encode()
    partial = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
            partial = Path(file.name)
            file.write(content)
        partial.chmod(0o644)  # a temporary file is its owner's alone; a report is to be shown
        partial.replace(out)
    except OSError as error:
        raise StateError(
            f"Writing the report: expected to write {len(content):,} bytes. Received: out={out} ({error}). "
            "Free some space or choose another folder, then: python -m pipeline report"
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return out
