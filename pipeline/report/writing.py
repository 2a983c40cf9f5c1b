"""Writes the report and the model card of an execution."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.analysis.evaluation import Evaluation, Registration
from pipeline.errors import StateError
from pipeline.execution import ExecutionRecord


def write_report(
    record: ExecutionRecord,
    evaluation: Evaluation,
    registration: Registration,
    out: Path,
    predictions: Path | None = None,
    gallery: Path | None = None,
    model_card: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the report to `out`, whole or not at all, and the model card beside it; returns the report's path.

    `evaluation`, `registration` and `model_card` are the contents of evaluation.json, registration.json and
    model-card.json; `predictions` and `gallery` are the paths of predictions.npz and gallery.npz. All of them are
    files of the evaluation's output, on every target. What an older evaluation lacks is left out of the report.

    Raises:
        StateError: a file cannot be written.
    """
    from pipeline.report.model_card.checking import card_problems
    from pipeline.report.model_card.markdown import card_markdown
    from pipeline.report.page import render_page  # matplotlib and jinja2 take a second to import

    if model_card is not None and not card_problems(model_card):
        title = f"Model card of {evaluation['winner']['id']}"
        card = json.dumps(model_card, indent=2, ensure_ascii=False) + "\n"
        write_whole(out.with_name("model-card.json"), card.encode())
        write_whole(out.with_name("model-card.md"), card_markdown(model_card, title).encode())
    content = render_page(record, evaluation, registration, predictions, gallery, model_card)
    return write_whole(out, content.encode())


def write_whole(out: Path, content: bytes) -> Path:
    """Writes a file so that it is there as a whole or not at all. Raises StateError."""
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
            f"Could not write the report to {out} ({len(content):,} bytes): {error}. "
            "Free some space or choose another folder, then: python -m pipeline report"
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)
    return out
