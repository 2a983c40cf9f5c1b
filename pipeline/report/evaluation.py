"""Reads evaluation.json: the one place that decides whether what is in it can be shown. Pure.

What no other file vouches for is held against itself: accuracies are those of the confusion matrices, and the
winner is one of the candidates, with the same figures. An evaluation that was changed by hand is not shown as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.analysis.case_study import SPLITS

# What makes a document this project's, and not another's output of the same name.
KEYS = frozenset({"schema_version", "gate", "winner", "candidates"})
SCHEMA_VERSION = 1
DEEPEST = 50  # levels; an evaluation has six
MATCHED_SPLITS = ("validation", "test")

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": 1e15}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 10**15}
NUMBER: Schema = {"type": "number", "minimum": -1e15, "maximum": 1e15}
TRUTH: Schema = {"type": "boolean"}


def _object(needed: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**needed, **(optional or {})},
        "required": sorted(needed),
    }


def _list(of: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": of, "minItems": least}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [{"type": "null"}, schema]}


_SCORES = _object(
    {
        "accuracy": SHARE,
        "confusion_matrix": _list(_list(COUNT, least=2), least=2),
        "per_class": _list(
            _object({"class_name": TEXT, "precision": SHARE, "recall": SHARE, "f1": SHARE, "support": COUNT})
        ),
    }
)
_EPOCH = _object(
    {
        "epoch": {**COUNT, "minimum": 1},
        "train_loss": NUMBER,
        "train_accuracy": SHARE,
        "validation_loss": NUMBER,
        "validation_accuracy": SHARE,
    },
    {"learning_rate": AMOUNT, "images_per_second": AMOUNT, "seconds": AMOUNT},
)
_CANDIDATE = _object(
    {
        "id": TEXT,
        "name": TEXT,
        "seed": COUNT,
        "params": COUNT,
        **{f"{split}_accuracy": SHARE for split in SPLITS},
        **{f"{split}_loss": AMOUNT for split in SPLITS},
        "images_per_second": AMOUNT,
        "train_seconds": AMOUNT,
        "hyperparameters": {"type": "object"},
        "artifact_uri": TEXT,
        "artifact_sha256": TEXT,
        "history": _list(_EPOCH),
        "environment": {"type": "object"},
        "validation": _SCORES,
        "test": _SCORES,
    },
    {"forward_flops": _nullable(NUMBER)},
)
_WINNER = _object(
    {
        "id": TEXT,
        "name": TEXT,
        "seed": COUNT,
        "params": COUNT,
        "validation_accuracy": SHARE,
        "test_accuracy": SHARE,
        "artifact_uri": TEXT,
        "artifact_sha256": TEXT,
    }
)
_CHAMPION = _object(
    {},
    {
        "arn": TEXT,
        "error": _nullable(TEXT),
        "id": TEXT,
        "test_accuracy": SHARE,
        "comparison": _nullable(
            _object({"challenger_only": COUNT, "champion_only": COUNT, "p_value": SHARE}),
        ),
    },
)
SCHEMA: Schema = _object(
    {
        "schema_version": COUNT,
        "gate": _object(
            {"passed": TRUTH, "reason": TEXT, "min_accuracy": NUMBER},
            {
                "verdict": {"enum": ["passed", "missed"]},
                "champion": _nullable(_object({"required": TRUTH, "reason": TEXT}, {"passed": _nullable(TRUTH)})),
            },
        ),
        "winner": _WINNER,
        "class_names": _list(TEXT, least=2),
        "data": _object(
            {
                "data_digest": TEXT,
                "splits": _object({split: _object({"count": {**COUNT, "minimum": 1}}) for split in SPLITS}),
                "sources": {"type": "object", "additionalProperties": TEXT},
            },
            {"scored_training_images": _nullable(COUNT)},
        ),
        "candidates": _list(_CANDIDATE, least=1),
    },
    {"champion": _nullable(_CHAMPION)},
)  # fmt: skip


REGISTRATION_SCHEMA: Schema = _object(
    {"version": _nullable(COUNT), "reason": TEXT, "model_package_arn": _nullable(TEXT)}
)


class DamagedError(Exception):
    """Why a document cannot be what this project wrote; completes the sentence "… cannot be used: "."""


def read_object(content: bytes) -> dict[str, Any]:
    """The object in a JSON file. Raises DamagedError when something else is in it, or what no JSON may hold."""
    if not content.strip():
        raise DamagedError("it is empty")
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
        # Lone surrogates can be escaped in JSON, and then written nowhere.
        json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise DamagedError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise DamagedError("it holds half a character") from None
    except ValueError as error:
        raise DamagedError(f"it is no JSON ({error})") from None
    if not isinstance(document, dict):
        raise DamagedError(f"it holds {_kind(document)}, not an object")
    if _depth(document) > DEEPEST:
        raise DamagedError("it is nested too deeply")
    return document


def check_evaluation(document: Mapping[str, Any]) -> None:
    """Raises DamagedError unless `document` is a whole evaluation that does not contradict itself."""
    for problem in _problems(document):
        raise DamagedError(problem)


def check_registration(document: Mapping[str, Any]) -> None:
    """Raises DamagedError unless `document` is what an evaluation says of the model that it registered."""
    for problem in _form_problems(document, REGISTRATION_SCHEMA):
        raise DamagedError(problem)


def _form_problems(document: Mapping[str, Any], schema: Schema) -> Iterator[str]:
    import jsonschema  # takes a moment to import

    # Draft 4: there 1.0 is no integer.
    for error in jsonschema.Draft4Validator(schema).iter_errors(document):
        yield f"{error.json_path.removeprefix('$.')}: {error.message[:200]}"


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("schema_version") != SCHEMA_VERSION:
        yield f"its schema_version is {document.get('schema_version')!r}, and {SCHEMA_VERSION} is what is read here"
    yield from _form_problems(document, SCHEMA)
    candidates = {each["id"]: each for each in document["candidates"]}
    if len({(each["name"], each["seed"]) for each in candidates.values()}) != len(document["candidates"]):
        yield "two of its candidates are the same"
    for each in candidates.values():
        yield from _contradictions(each, document)
    winner = document["winner"]
    best = candidates.get(winner["id"])
    if best is None:
        yield f"its winner, {winner['id']}, is none of its candidates"
        return
    for key in _WINNER["required"]:
        if winner[key] != best[key]:
            yield f"{key} of its winner is {winner[key]!r}, and of the same candidate {best[key]!r}"
    gate = document["gate"]
    if gate.get("verdict", "passed") != "passed" and gate["passed"]:
        yield "its gate is both passed and missed"


def _contradictions(candidate: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """Where the figures of one candidate do not belong together."""
    classes = len(document["class_names"])
    for split in MATCHED_SPLITS:
        scores, name = candidate[split], f"{candidate['id']} on {split}"
        matrix = scores["confusion_matrix"]
        if len(matrix) != classes or any(len(row) != classes for row in matrix):
            yield f"the confusion matrix of {name} has not {classes} rows and columns"
            return
        if len(scores["per_class"]) != classes:
            yield f"{name} has figures of {len(scores['per_class'])} classes, not {classes}"
        images, hits = sum(map(sum, matrix)), sum(row[label] for label, row in enumerate(matrix))
        if images != document["data"]["splits"][split]["count"]:
            yield f"the confusion matrix of {name} has {images:,} images"
            return
        for accuracy in (scores["accuracy"], candidate[f"{split}_accuracy"]):
            if not math.isclose(accuracy, hits / images, rel_tol=0, abs_tol=1e-9):
                yield f"the accuracy of {name} is {accuracy}, and by its confusion matrix {hits / images}"


def _refuse_constant(name: str) -> None:
    raise DamagedError(f"it holds {name}")


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(
        type(value), "a number"
    )


def _depth(value: object) -> int:
    """How many objects and lists lie within each other."""
    inner: Iterator[object] = iter(())
    if isinstance(value, dict):
        inner = iter(value.values())
    elif isinstance(value, list):
        inner = iter(value)
    return 1 + max((_depth(each) for each in inner if isinstance(each, dict | list)), default=0)
