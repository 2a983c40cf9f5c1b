"""A model card as Markdown, for people. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.report.model_card.reading import Entry, Section, card_sections

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|])")


def card_markdown(card: Mapping[str, Any], title: str) -> str:
    """The whole card under the heading `title`; a text in it cannot become markup."""
    return "\n".join(
        [f"# {escaped(title)}", "", *(line for section in card_sections(card) for line in lines(section))]
    )


def lines(section: Section) -> Iterator[str]:
    """One section: its heading, its texts, its table of metrics."""
    yield f"## {escaped(section.title)}"
    yield ""
    for entry in section.entries:
        yield f"**{escaped(entry.name)}.** {escaped(entry.text)}"
        yield ""
    if section.metrics:
        yield "| metric | value | notes |"
        yield "|---|---|---|"
        yield from (row(metric) for metric in section.metrics)
        yield ""


def row(metric: Entry) -> str:
    """One line of the table."""
    return f"| {escaped(metric.name)} | {escaped(metric.text)} | {escaped(metric.notes)} |"


def escaped(text: str) -> str:
    """`text` on one line, without a meaning for Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
