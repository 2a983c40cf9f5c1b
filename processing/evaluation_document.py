"""The files that an evaluation leaves: evaluation.json, predictions.npz, registration.json."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from candidate_evaluation import Evaluated, RawSplit
from champion import Champion
from fashion_classes import CLASS_NAMES
from gate import Gate
from job_failure import while_doing
from model_quality import multiclass_metrics
from processed_manifest import Manifest
from selection import METRIC, TIE_BREAK

SCHEMA_VERSION = 1


def evaluation_document(
    manifest: Manifest,
    evaluated: Sequence[Evaluated],
    winner: Evaluated,
    gate: Gate,
    champion: dict[str, Any] | None,
) -> dict[str, Any]:
    """The content of evaluation.json; the pipeline's condition reads `gate.verdict` from it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "gate": gate.to_json(),
        "selection": {"metric": METRIC, "tie_break": list(TIE_BREAK)},
        "winner": {
            "name": winner.name,
            "seed": winner.seed,
            "id": winner.id,
            "validation_accuracy": winner.validation_accuracy,
            "test_accuracy": winner.test_accuracy,
            "params": winner.params,
            "artifact_uri": winner.artifact.reference.uri,
            "artifact_sha256": winner.artifact.sha256,
        },
        "champion": champion,
        "class_names": list(CLASS_NAMES),
        "data": {
            "data_digest": manifest.digest,
            "splits": {name: asdict(split) for name, split in manifest.splits.items()},
            "scored_training_images": len(winner.correct_train),
            "sources": manifest.sources,
        },
        "candidates": [one.to_json(CLASS_NAMES) for one in evaluated],
        "multiclass_classification_metrics": multiclass_metrics(
            winner.scores["test"].confusion_matrix, CLASS_NAMES
        ),
    }


def to_json_bytes(document: dict[str, Any]) -> bytes:
    """Valid JSON (no NaN), indented, in UTF-8."""
    return (json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def predictions_bytes(
    evaluated: Sequence[Evaluated], splits: dict[str, RawSplit], champion: Champion | None
) -> bytes:
    """predictions.npz: `labels_<split>` (uint8) and `probabilities_<id>_<split>` (float32, N×10).

    Of the training sample only which images are right: `correct_<id>_train` (bool). The champion, if it was scored,
    has `probabilities_champion_test`.
    """
    arrays: dict[str, Any] = {f"labels_{split}": splits[split].labels for split in ("validation", "test")}
    for one in evaluated:
        for split, probabilities in one.probabilities.items():
            arrays[f"probabilities_{one.id}_{split}"] = probabilities
        arrays[f"correct_{one.id}_train"] = one.correct_train
    if champion is not None and champion.evaluated is not None:
        arrays["probabilities_champion_test"] = champion.evaluated.probabilities["test"]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def write_whole(folder: Path, name: str, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all.

    Raises:
        JobError: the folder cannot be written, or the disk is full.
    """
    partial = folder / f".{name}.unfinished"
    try:
        with while_doing(f"write {folder / name}"):
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)


def leaderboard(evaluated: Sequence[Evaluated], winner: Evaluated) -> str:
    """The candidates as lines of text, the winner marked with an asterisk."""
    lines = [f"  {'candidate':<20}{'params':>12}{'train':>9}{'validation':>12}{'test':>9}"]
    for one in sorted(evaluated, key=lambda one: -one.validation_accuracy):
        train, validation, test = (one.scores[split].accuracy for split in ("train", "validation", "test"))
        mark = "*" if one is winner else " "
        lines.append(f"{mark} {one.id:<20}{one.params:>12,}{train:>9.2%}{validation:>12.2%}{test:>9.2%}")
    return "\n".join(lines)
