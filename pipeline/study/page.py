"""The Markdown page of a study: the answer first, then tables by model and training, then where it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.definition.search_space import NEAR_AN_END, end_of_range
from pipeline.formatting import MISSING, count, decimal, duration, moment, percent, plural
from pipeline.study.answers import (
    answer_lines,
    calibration_cells,
    comparison_cells,
    comparison_rows,
    image_cells,
    image_rows,
)
from pipeline.view.trials import short

# What a trial in study.json has beside its settings.
_OF_A_TRIAL = frozenset({"trial", "status", "value"})


def study_page(document: Mapping[str, Any]) -> str:
    """README.md of a study's folder, from the content of its study.json."""
    analysis, summary = document["analysis"], document["summary"]
    parts = [
        "# The study",
        f"{_seeds(summary)} Under one seed all see the same split and the same images in the same order. Made by",
        f"```sh\n{document['command']}\n```",
        "## The answer",
        "The claims and the rule that judges them are declared in `pipeline/analysis/hypotheses.py`.",
        "\n".join(answer_lines(document["verdicts"])),
        *_notes(analysis),
        *_searches(document.get("searches", ())),
        "## By model",
        table(
            ("model", "seeds", "training acc.", "validation acc.", "test acc.", "parameters", "forward FLOPs",
             "training time", "images/s"),
            [_summary_cells(row) for row in summary],
        ),
        "Accuracies are means over seeds ± the standard deviation of one seed's (percentage points). The training "
        "accuracy is the finished model's, on at most 10,000 training images. FLOPs are of one image's forward "
        f"pass; time and images/s are means of trainings, {document['parallel'] or 'all'} at once, on a machine "
        "that may have had other work to do: they do not compare the models.",
        "## Differences over seeds",
        table(
            ("difference", "of", "seeds", "points", "95 % over seeds", "95 % over seeds and images", "p",
             "p (Holm)", "family", "images needed"),
            [comparison_cells(row) for row in comparison_rows(analysis)],
        ),
        "Images needed: with so many test images like these and as many seeds, 80 of 100 studies would tell the "
        "least difference that matters from none, at 5 %. It is given for declared differences on test, unless "
        "these take more seeds. A difference is over the seeds that both models have.",
        *_images(analysis),
        "## By training",
        table(
            ("model", "seed", "training acc.", "validation acc.", "test acc.", "test loss", "training time",
             "images/s"),
            [_result_cells(row) for row in document["results"]],
        ),
        "The CSV files have all digits, `study.json` everything: Wilson intervals, classes, gaps, costs.",
        "## Statistics",
        "\n".join(f"- {each['name']}: `{each['computed_by']}` ({each['source']})" for each in analysis["methods"]),
        "## Where it comes from",
        table(("", ""), _origin(document)),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _seeds(summary: Sequence[Mapping[str, Any]]) -> str:
    """Under how many seeds the models were trained."""
    by_count: dict[int, list[str]] = {}
    for row in summary:
        by_count.setdefault(row["seeds"], []).append(row["candidate"])
    if len(by_count) == 1:
        return f"Every model under {plural(summary[0]['seeds'], 'seed')}."
    counts = sorted(by_count.items(), reverse=True)
    return "; ".join(f"{', '.join(names)} under {plural(count, 'seed')}" for count, names in counts) + "."


def _notes(analysis: Mapping[str, Any]) -> list[str]:
    if not analysis["notes"]:
        return []
    return ["What cannot be concluded:", "\n".join(f"- {note}" for note in analysis["notes"])]


def _searches(searches: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the searches before the trainings found; nothing of a study without."""
    if not searches:
        return []
    names = sorted(
        {name for search in searches for trial in search["trials"] for name in trial} - _OF_A_TRIAL
    )
    rows = [
        [
            search["search"],
            str(len(search["trials"])),
            percent(search["trials"][0]["value"]),
            *(short(str(search["trials"][0].get(name, MISSING))) for name in names),
        ]
        for search in searches
    ]
    return [
        "## The settings",
        "Each model was trained with the best settings of a search of its own, equally long and in the same ranges "
        "for all, by trials under a seed that none of the trainings below has. How this question was put before it "
        "was answered: `docs/hypotheses.md`.",
        table(("search", "trials", f"best {searches[0]['metric']}", *names), rows),
        *_ends(searches),
        "Every trial, the best first:",
        table(
            ("search", "trial", searches[0]["metric"], *names),
            [
                [
                    search["search"],
                    str(trial["trial"]),
                    percent(trial["value"]) if trial["value"] is not None else MISSING,
                    *(short(str(trial.get(name, MISSING))) for name in names),
                ]
                for search in searches
                for trial in search["trials"]
            ],
        ),
    ]


def _ends(searches: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names the best values that lie at an end of their ranges."""
    found = [
        f"{search['search']}: {name} {short(str(value))} ({end})"
        for search in searches
        for name, value in search["trials"][0].items()
        if name not in _OF_A_TRIAL and (end := end_of_range(name, str(value))) is not None
    ]
    if not found:
        return []
    told = (
        f"At an end of its range, or within {NEAR_AN_END:.0%} of it, so the range may have been too narrow: "
    )
    return [f"{told}{'; '.join(found)}."]


def _images(analysis: Mapping[str, Any]) -> list[str]:
    """The sections that need the predictions of single images; none without them."""
    if not analysis["has_predictions"]:
        return []
    return [
        "## The same test images",
        "Exact McNemar test of each model's training with the best validation accuracy.",
        table(
            ("difference", "points", "right only in the first", "only in the second", "p", "p (Holm)"),
            [image_cells(row) for row in image_rows(analysis)],
        ),
        "## Calibration on test",
        table(
            ("training", "ECE", "NLL", "Brier", "temperature", "ECE with it", "NLL with it", "Brier with it"),
            [calibration_cells(each) for each in analysis["calibrations"]],
        ),
    ]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _summary_cells(row: Mapping[str, Any]) -> list[str]:
    accuracies = [
        _spread(row[f"{split}_accuracy_mean"], row[f"{split}_accuracy_sd"])
        for split in ("train", "validation", "test")
    ]
    return [
        row["candidate"], str(row["seeds"]), *accuracies, count(row["params"]), count(row["forward_flops"]),
        duration(row["train_seconds_mean"]), count(row["images_per_second_mean"]),
    ]  # fmt: skip


def _spread(mean: float, deviation: float | None) -> str:
    return percent(mean) if deviation is None else f"{percent(mean)} ± {deviation * 100:.2f}"


def _result_cells(row: Mapping[str, Any]) -> list[str]:
    accuracies = [percent(row[f"{split}_accuracy"]) for split in ("train", "validation", "test")]
    return [
        row["candidate"], str(row["seed"]), *accuracies, decimal(row["test_loss"]), duration(row["train_seconds"]),
        count(row["images_per_second"]),
    ]  # fmt: skip


def _origin(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    git, machine = document["git"], document["machine"]
    commit = git["commit"] or MISSING
    if git["changed"]:
        commit += ", with changes that are not committed"
    reused = sum(step["reused_from"] is not None for step in document["steps"])
    return [
        (
            "execution",
            document["execution_id"]
            + (f" ({plural(reused, 'step')} reused from earlier ones)" if reused else ""),
        ),
        ("started", moment(document["started_at"])),
        ("took", duration(document["seconds"])),
        ("git commit", commit),
        ("training code", ", ".join(document["training_code_digests"])),
        ("data digest", document["data_digest"]),
        (
            "parameters",
            ", ".join(f"{key}={value}" for key, value in sorted(_recipe(document["parameters"]).items())),
        ),
        (
            "machine",
            f"{machine['processor']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB, "
            f"{machine['system']}; device: {', '.join(document['devices'])}"
            + (f"; computed in {', '.join(document['precisions'])}" if "precisions" in document else ""),
        ),
        ("versions", ", ".join(f"{name} {version}" for name, version in document["versions"].items())),
    ]


def _recipe(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that decide figures: those that are numbers."""
    return {name: value for name, value in parameters.items() if isinstance(value, int | float)}
