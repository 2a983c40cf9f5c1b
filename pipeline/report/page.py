"""Puts the report's page together: the sections' contents into the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.analysis import analyse
from pipeline.analysis.answer import make_answer
from pipeline.analysis.evaluation import Evaluation, Registration, seeds_of, winner_of
from pipeline.analysis.judging import verdicts
from pipeline.execution import ExecutionRecord, StepRecord
from pipeline.formatting import duration, percent, signed_points
from pipeline.printable import printable
from pipeline.report.contents import (
    accuracy_content,
    calibration_content,
    card_content,
    error_content,
    experiment_content,
    methods_content,
)
from pipeline.report.figures.timeline import draw_timeline
from pipeline.report.provenance import make_facts, make_settings
from pipeline.report.searches import searches_content
from pipeline.report.verdicts import make_cards, make_headline
from pipeline.trials import search_in
from pipeline.view.states import step_state

FOLDER = Path(__file__).resolve().parent
# The page's sections, in order: files in the folder "sections".
SECTIONS = (
    "leaderboard",
    "kernel",
    "cost",
    "curves",
    "search",
    "mistakes",
    "pictures",
    "calibration",
    "card",
    "run",
    "provenance",
    "methods",
)

_UNIT = re.compile(r"(?<=\d) (?=%|points)")

Value = TypeVar("Value")


def render_page(
    record: ExecutionRecord,
    evaluation: Evaluation,
    registration: Registration,
    predictions: Path | None = None,
    gallery: Path | None = None,
    model_card: Mapping[str, Any] | None = None,
) -> str:
    """The whole page as HTML, from write_report's arguments. The same ones give the same text."""
    record = clean_record(record)
    evaluation, registration = clean(evaluation), clean(registration)
    analysis = analyse(evaluation, predictions)
    candidates = evaluation["candidates"]
    winner = winner_of(evaluation)
    judged = verdicts(analysis)
    several_seeds = len(seeds_of(candidates)) > 1
    answer = make_answer(evaluation, registration, record)
    content = {
        "record": record,
        "registration": registration,
        "gate": evaluation["gate"],
        "answer": answer,
        "against_champion": against_champion(evaluation),
        # Under one seed the claims are not decided: what is known comes first.
        "headline": (make_headline(judged) if several_seeds else None) or answer.headline,
        "verdicts": make_cards(judged, primary=True),
        "further_verdicts": make_cards(judged, primary=False),
        "limits": clean(list(analysis.notes)),
        "several_seeds": several_seeds,
        "winner": winner,
        "timeline": draw_timeline(record),
        "steps": [(step, step_state(step)) for step in record.steps],
        "facts": make_facts(record, evaluation, registration),
        **accuracy_content(evaluation, analysis),
        **experiment_content(evaluation, analysis),
        **error_content(evaluation, analysis, winner, predictions, gallery),
        **calibration_content(analysis, winner),
        **card_content(model_card),
        **methods_content(analysis),
        **searches_content(record),
    }
    content["models"], content["settings"] = make_settings(candidates)
    style = Markup((FOLDER / "style.css").read_text(encoding="utf-8"))
    return open_templates().get_template("report.html.j2").render(style=style, sections=SECTIONS, **content)


def against_champion(evaluation: Evaluation) -> str:
    """By how much the winner's test accuracy differs from the champion's, in points; empty without one."""
    reigning = evaluation.get("champion") or {}
    if "test_accuracy" not in reigning:
        return ""
    return signed_points(evaluation["winner"]["test_accuracy"] - reigning["test_accuracy"])


@cache
def open_templates() -> Environment:
    """The templates of this folder. What is put into them is escaped; a name that is not defined is an error."""
    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["percent"] = percent
    templates.filters["duration"] = duration
    templates.filters["tight"] = tight
    return templates


def tight(text: str) -> str:
    """`text` with its numbers and their units kept on one line."""
    return _UNIT.sub("\u00a0", text)


def clean_record(record: ExecutionRecord) -> ExecutionRecord:
    """`record` with its texts as `clean` leaves them, as far as they are shown."""
    return replace(
        record,
        execution_id=clean(record.execution_id),
        pipeline_name=clean(record.pipeline_name),
        target=clean(record.target),
        parameters=clean(dict(record.parameters)),
        steps=tuple(
            replace(step, name=clean(step.name), type=clean(step.type), properties=clean_search(step))
            for step in record.steps
        ),
    )


def clean_search(step: StepRecord) -> Mapping[str, Any]:
    """What a step left, of which the trials of a search are shown, and nothing of other steps."""
    return clean(dict(step.properties)) if search_in(step) is not None else step.properties


def clean(value: Value) -> Value:
    """A copy of a JSON value without the characters that neither HTML nor SVG may hold."""
    if isinstance(value, str):
        return printable(value)  # type: ignore[return-value]
    if isinstance(value, Mapping):
        return {printable(str(key)): clean(inner) for key, inner in value.items()}  # type: ignore[return-value]
    if isinstance(value, (list, tuple)):
        return [clean(inner) for inner in value]  # type: ignore[return-value]
    return value
