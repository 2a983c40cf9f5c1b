"""The section about searches for hyperparameters: what each found, and how its trials lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.execution import ExecutionRecord
from pipeline.formatting import percent
from pipeline.report.figures.trial_plot import draw_best_so_far, draw_by_parameter
from pipeline.trials import SearchResult, search_in
from pipeline.view.trials import short


@dataclass(frozen=True)
class SearchRow:
    """What one search found: its best trial's values by hyperparameter, and how many trials it had."""

    step: str
    trials: int
    stopped: int
    failed: int
    best: str
    values: Mapping[str, str]


def searches_content(record: ExecutionRecord) -> dict[str, object]:
    """What the section shows; nothing of an execution without searches."""
    searches = [found for step in record.steps if (found := search_in(step)) is not None]
    names = sorted({name for search in searches for name in search.names})
    figures: list[tuple[str, Markup]] = []
    if (best := draw_best_so_far(searches) if searches else None) is not None:
        figures.append(("Best so far", best))
    for name in names:
        if (figure := draw_by_parameter(searches, name)) is not None:
            figures.append((f"By {name}", figure))
    return {
        "searches": [_row(search) for search in searches],
        "search_names": names,
        "search_metric": searches[0].metric if searches else "",
        "search_figures": figures,
    }


def _row(search: SearchResult) -> SearchRow:
    statuses = [trial.status for trial in search.trials]
    first = search.trials[0]
    values = {name: short(value) for name, value in first.tuned.items()}
    return SearchRow(
        search.step,
        len(search.trials),
        statuses.count("Stopped"),
        statuses.count("Failed"),
        percent(first.value),
        values,
    )
