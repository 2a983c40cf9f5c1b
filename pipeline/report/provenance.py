"""Where the results come from: the execution, its parameters, data, code, versions and artifacts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.analysis.case_study import SPLITS
from pipeline.analysis.evaluation import Candidate, Data, Evaluation, Registration, names_of
from pipeline.execution import ExecutionRecord
from pipeline.formatting import MISSING, count, duration, moment


@dataclass(frozen=True)
class Facts:
    """A titled list of names and values."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Setting:
    """A hyperparameter and its value for each model; `differs` when they are not all the same."""

    name: str
    values: tuple[str, ...]
    differs: bool


def make_facts(record: ExecutionRecord, evaluation: Evaluation, registration: Registration) -> list[Facts]:
    """Every list of the provenance section, from the record and the contents of the evaluation's files."""
    spent = record.seconds
    execution = (
        ("Execution", record.execution_id),
        ("Pipeline", record.pipeline_name),
        ("Target", record.target),
        ("Status", record.status),
        ("Started", moment(record.started_at)),
        ("Ended", moment(record.ended_at)),
        ("Duration", duration(spent)),
        ("Model package", registration["model_package_arn"] or MISSING),
    )
    parameters = tuple((name, text(value)) for name, value in sorted(record.parameters.items()))
    return [
        Facts("Execution", execution),
        Facts("Pipeline parameters", parameters),
        Facts("Data", data_facts(evaluation["data"])),
        Facts("Code and environment", environment_facts(evaluation["candidates"])),
        Facts("Artifacts", artifact_facts(evaluation["candidates"])),
    ]


def data_facts(data: Data) -> tuple[tuple[str, str], ...]:
    """Counts and digests of the data set."""
    counts = tuple((f"Images, {name}", count(data["splits"][name]["count"])) for name in SPLITS)
    sources = tuple((f"SHA-256 of {name}", digest) for name, digest in sorted(data["sources"].items()))
    return (("Data digest", data["data_digest"]), *counts, *sources)


def environment_facts(candidates: Sequence[Candidate]) -> tuple[tuple[str, str], ...]:
    """What the trainings' environments say; where they differ, each says its own."""
    rows = []
    names = dict.fromkeys(name for each in candidates for name in sorted(each["environment"]))
    for name in names:
        if name == "hyperparameters":
            continue
        values = {each["id"]: text(each["environment"].get(name)) for each in candidates}
        if len(set(values.values())) == 1:
            rows.append((name, next(iter(values.values()))))
        else:
            rows.append((name, ", ".join(f"{value} ({identity})" for identity, value in values.items())))
    return tuple(rows)


def artifact_facts(candidates: Sequence[Candidate]) -> tuple[tuple[str, str], ...]:
    """Each training's artifact and its digest."""
    return tuple(
        row
        for each in candidates
        for row in ((each["id"], each["artifact_uri"]), ("SHA-256", each["artifact_sha256"]))
    )


def make_settings(candidates: Sequence[Candidate]) -> tuple[list[str], list[Setting]]:
    """The models' names, and every hyperparameter but the seed with its value for each of them."""
    models = {each["name"]: each["hyperparameters"] for each in reversed(candidates)}
    names = names_of(candidates)
    settings = []
    for key in sorted({key for values in models.values() for key in values} - {"seed", "candidate"}):
        values = tuple(text(models[name].get(key)) for name in names)
        settings.append(Setting(key, values, len(set(values)) > 1))
    return names, settings


def text(value: object) -> str:
    """Any JSON value as a reader would write it."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text(inner)}" for key, inner in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return ", ".join(text(inner) for inner in value)
    return str(value)
