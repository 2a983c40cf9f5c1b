"""Says in words how a run ended: which model won, by how much, and what became of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.analysis.case_study import SPLITS, Split, standing
from pipeline.analysis.evaluation import (
    Candidate,
    Evaluation,
    Gate,
    Registration,
    measured,
    names_of,
    ranked,
    seeds_of,
    winner_of,
)
from pipeline.analysis.more_seeds import one_seed
from pipeline.execution import ExecutionRecord
from pipeline.formatting import count, p_value, percent, points

MOST_RIVALS = 3  # that are named in the lead


@dataclass(frozen=True)
class Answer:
    """The headline, what stands right below it, and the sentences further down, as they are read."""

    headline: str
    opening: tuple[str, ...]
    sentences: tuple[str, ...]


def make_answer(evaluation: Evaluation, registration: Registration, record: ExecutionRecord) -> Answer:
    """The answer from the contents of evaluation.json and registration.json, and the execution that left them."""
    winner, gate = evaluation["winner"], evaluation["gate"]
    if gate["passed"] and len(names_of(evaluation["candidates"])) == 1:
        headline = f"{winner['name']} reaches {percent(winner['test_accuracy'])} on the test images"
    elif gate["passed"]:
        headline = f"{winner['name']} wins, with {percent(winner['test_accuracy'])} on the test images"
    else:
        headline = (
            f"{winner['name']} came first, with {percent(winner['test_accuracy'])} on the test images, but "
            "missed the quality gate"
        )
    sentences = (
        verdict(gate, registration),
        champion(evaluation),
        bands(evaluation["candidates"]),
    )
    return Answer(
        headline, opening(evaluation, record), tuple(sentence for sentence in sentences if sentence)
    )


def opening(evaluation: Evaluation, record: ExecutionRecord) -> tuple[str, ...]:
    """What is known, and what is not: who won by how much on which images, and what one seed leaves open."""
    return tuple(sentence for sentence in (lead(evaluation), one_seed(evaluation, record)) if sentence)


def lead(evaluation: Evaluation) -> str:
    """By how much the winner leads the models that come next, on validation (which decides) and on test."""
    winner = winner_of(evaluation)
    seed = f" (seed {winner['seed']})" if len(seeds_of(evaluation["candidates"])) > 1 else ""
    rivals = best_of_each(each for each in evaluation["candidates"] if each["name"] != winner["name"])
    named, left = rivals[:MOST_RIVALS], len(rivals[MOST_RIVALS:])
    images = evaluation["data"]["splits"]
    parts = []
    places: tuple[tuple[Split, str], ...] = (
        ("validation", f"On the {count(images['validation']['count'])} validation images, which decide,"),
        ("test", f"On the {count(images['test']['count'])} test images, looked at once,"),
    )
    for split, place in places:
        own = measured(winner, split)
        compared = [compare(own, measured(rival, split), rival["name"]) for rival in named]
        parts.append(
            f"{place} {winner['name']}{seed} reached {percent(own)}{': ' if compared else ''}{listed(compared)}."
        )
    if not rivals:
        parts.append("It was the only model in this run.")
    if left:
        parts.append(f"The leaderboard has {left} more model{'s' if left > 1 else ''}.")
    return " ".join(parts)


def verdict(gate: Gate, registration: Registration) -> str:
    """The gate's verdict and the registered version."""
    least = percent(gate["min_accuracy"])
    part = gate.get("champion")
    if not gate["passed"] and part and part["required"] and part.get("passed") is False:
        asked = f"The quality gate asks for at least {least} on test and no significant loss to the champion"
        return f"{asked}: missed, so nothing was registered. {part['reason']}"
    if not gate["passed"]:
        return f"The quality gate asks for at least {least} on test: missed, so nothing was registered."
    passed = f"It passed the quality gate (at least {least} on test)"
    if registration["version"] is None:
        reason = registration["reason"] or "No registration was recorded."
        return f"{passed}, but was not registered: {reason}"
    return f"{passed} and is registered as version {registration['version']}."


def champion(evaluation: Evaluation) -> str:
    """How the winner stands to the registered model that it would replace; empty when there is none."""
    reigning = evaluation.get("champion")
    if not reigning:
        return ""
    if "test_accuracy" not in reigning:
        return (
            f"The champion {reigning.get('arn', '')} could not be scored: {reigning.get('error', 'unknown')}"
        )
    difference = compare(evaluation["winner"]["test_accuracy"], reigning["test_accuracy"], "the champion")
    accuracy = percent(reigning["test_accuracy"])
    told = f"On the same test images the winner reached {difference} ({reigning['id']}, {accuracy}"
    compared = reigning.get("comparison")
    if not compared:
        return f"{told})."
    return (
        f"{told}; {compared['challenger_only']} images are right in the winner alone, "
        f"{compared['champion_only']} in the champion alone, p {p_relation(compared['p_value'])}, McNemar's exact "
        "test)."
    )


def p_relation(probability: float) -> str:
    """ "= 0.031" or "< 0.001"."""
    written = p_value(probability)
    return written if written.startswith("<") else f"= {written}"


def bands(candidates: Sequence[Candidate]) -> str:
    """How many accuracies lie within, above and below the case study's bands; empty when none has a band."""
    stands = [standing(each["name"], split, measured(each, split)) for each in candidates for split in SPLITS]
    counted = Counter(stand for stand in stands if stand is not None)
    if not counted:
        return ""
    return (
        f"Of the {counted.total()} accuracies that the case study gives a range for, {counted['within']} lie "
        f"within it, {counted['above']} above and {counted['below']} below."
    )


def compare(own: float, other: float, name: str) -> str:
    """ "0.26 points more than cnn-5x5" for two fractions."""
    if percent(own) == percent(other):
        return f"as much as {name}"
    return f"{points(own - other)} {'more' if own > other else 'less'} than {name}"


def best_of_each(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The training of each model that is best on validation, best model first."""
    best: dict[str, Candidate] = {}
    for each in ranked(candidates):
        best.setdefault(each["name"], each)
    return list(best.values())


def listed(parts: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
