"""A model card taken apart for people: titled sections of texts and metrics, in the order in which they are read.

Takes any JSON object: a field that has another form than the schema's is left out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A named text, or a metric with its value as text and what there is to say about it."""

    name: str
    text: str
    notes: str = ""


@dataclass(frozen=True)
class Section:
    """Part of a card."""

    title: str
    entries: tuple[Entry, ...]
    metrics: tuple[Entry, ...] = ()


def card_sections(card: Mapping[str, Any]) -> list[Section]:
    """The card's sections; those without content are left out."""
    training, extra = part(card, "training_details"), part(card, "additional_information")
    job = part(training, "training_job_details")
    sections = [
        Section("Intended use", texts(part(card, "intended_uses"))),
        Section("Purpose in business", texts(part(card, "business_details"))),
        Section(
            "Limits and weak points",
            texts({key: value for key, value in extra.items() if key != "custom_details"}),
        ),
        Section("Data, environment and cost", texts(part(extra, "custom_details"))),
        Section(
            "Training",
            texts(
                {
                    "observations": training.get("training_observations"),
                    "data sets": job.get("training_datasets"),
                }
            ),
            tuple(metrics(job.get("user_provided_training_metrics")))
            + tuple(hyperparameters(job.get("user_provided_hyper_parameters"))),
        ),
    ]
    for evaluation in objects(card.get("evaluation_details")):
        groups = objects(evaluation.get("metric_groups"))
        sections.append(
            Section(
                f"Evaluation on {evaluation.get('name', 'an unnamed data set')}",
                texts({"observation": evaluation.get("evaluation_observation")}),
                tuple(metric for group in groups for metric in metrics(group.get("metric_data"))),
            )
        )
    sections.append(Section("Model", texts(part(card, "model_overview"))))
    return [section for section in sections if section.entries or section.metrics]


def part(card: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object called `name` in the card; an empty one when there is none."""
    value = card.get(name)
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def texts(values: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Every text of an object, named as a reader would; lists of texts are joined."""
    named = {}
    for name, value in values.items():
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = ", ".join(str(each) for each in value)
        if isinstance(value, str) and value:
            named[name] = value
    return tuple(Entry(name.replace("_", " ").capitalize(), value) for name, value in named.items())


def metrics(values: Any) -> Iterator[Entry]:
    """The metrics that are one value; graphs and matrices are the report's."""
    for each in objects(values):
        value = each.get("value")
        if isinstance(value, (int, float, str)):
            shown = f"{value:.6g}" if isinstance(value, float) else str(value)
            yield Entry(str(each.get("name", "")), shown, str(each.get("notes", "")))


def hyperparameters(values: Any) -> Iterator[Entry]:
    """Hyperparameters, as metrics are shown."""
    for each in objects(values):
        yield Entry(str(each.get("name", "")), str(each.get("value", "")))
