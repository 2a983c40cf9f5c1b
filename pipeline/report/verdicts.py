"""The case study's claims and what this run makes of each: the answer with which the report opens. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.analysis.judging import Decision, Verdict

SYMBOLS: Mapping[Decision, str] = {"confirmed": "✓", "refuted": "✗", "undecided": "?"}
# How the headline says each: confirmed, refuted, undecided.
PHRASES: Mapping[str, Mapping[Decision, str]] = {
    "convolution": {
        "confirmed": "convolution helps",
        "refuted": "convolution does not help",
        "undecided": "whether convolution helps",
    },
    "kernel-size": {
        "confirmed": "3×3 kernels beat 5×5",
        "refuted": "3×3 kernels do not beat 5×5 as claimed",
        "undecided": "whether 3×3 kernels beat 5×5",
    },
    "kernel-cost": {
        "confirmed": "5×5 kernels cost more",
        "refuted": "5×5 kernels do not cost more",
        "undecided": "whether 5×5 kernels cost more",
    },
}


@dataclass(frozen=True)
class Card:
    """One claim as the page shows it; `sentences` say why, with the numbers."""

    claim: str
    decision: Decision
    symbol: str
    sentences: tuple[str, ...]


def make_cards(verdicts: Sequence[Verdict], primary: bool) -> list[Card]:
    """The case study's own claims, or the ones that explain them."""
    return [
        Card(
            each.claim,
            each.decision,
            SYMBOLS[each.decision],
            tuple(finding.sentence for finding in each.findings),
        )
        for each in verdicts
        if each.primary is primary
    ]


def make_headline(verdicts: Sequence[Verdict]) -> str | None:
    """The claims in a sentence or two, decided ones first; None when nothing is decided."""

    def said(decided: bool) -> str:
        return "; ".join(
            PHRASES[each.key][each.decision]
            for each in verdicts
            if each.primary and each.key in PHRASES and (each.decision != "undecided") is decided
        )

    found, left = said(decided=True), said(decided=False)
    if not found:
        return None
    sentence = found[0].upper() + found[1:]
    return f"{sentence}. Undecided: {left}" if left else sentence
