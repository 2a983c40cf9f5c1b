"""Reads evaluation.json and registration.json: the one place that decides whether they can be shown. Pure.

The types in evaluation.py are what is checked. What no other file vouches for is held against itself: accuracies
are those of the confusion matrices, and the winner is one of the candidates, with the same figures. An evaluation
that was changed by hand is not shown as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from pipeline.analysis.evaluation import Candidate, Evaluation, Registration, Winner, measured

# What makes a document this project's, and not another's output of the same name.
KEYS = frozenset({"schema_version", "gate", "winner", "candidates"})
SCHEMA_VERSION = 1
DEEPEST = 50  # levels; an evaluation has six
MATCHED_SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")

Schema = Mapping[str, Any]
_PLAIN = {str: "string", float: "number", int: "integer", bool: "boolean", NoneType: "null"}


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
        raise DamagedError(f"it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise DamagedError(f"it holds {_kind(document)}, not an object")
    if _depth(document) > DEEPEST:
        raise DamagedError("it is nested too deeply")
    return document


def read_evaluation(content: bytes) -> Evaluation:
    """The content of evaluation.json. Raises DamagedError unless it is whole and does not contradict itself."""
    document = read_object(content)
    for problem in _problems(document):
        raise DamagedError(problem)
    return cast(Evaluation, document)


def read_registration(content: bytes) -> Registration:
    """The content of registration.json. Raises DamagedError when it is of another form."""
    document = read_object(content)
    for problem in _form_problems(document, Registration):
        raise DamagedError(problem)
    return cast(Registration, document)


def claims_to_be_evaluation(content: bytes) -> bool:
    """Whether it says of itself that it is an evaluation of this project's, whatever else may be wrong."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.keys() >= KEYS


def schema_of(form: Any) -> Schema:
    """The JSON schema of a type: a TypedDict, or what its keys may hold. Other keys than its own are let pass."""
    origin, inner = get_origin(form), get_args(form)
    if origin is Annotated:
        return {**schema_of(inner[0]), **dict(inner[1:])}
    if origin is NotRequired:
        return schema_of(inner[0])
    if origin is UnionType or type(None) in inner:
        return {"anyOf": [schema_of(each) for each in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is list:
        return {"type": "array", "items": schema_of(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": {} if inner[1] is Any else schema_of(inner[1])}
    if is_typeddict(form):
        keys = get_type_hints(form, include_extras=True)
        return {
            "type": "object",
            "properties": {key: schema_of(each) for key, each in keys.items()},
            "required": sorted(form.__required_keys__),
        }
    return {"type": _PLAIN[form]}


def _form_problems(document: Mapping[str, Any], form: type) -> Iterator[str]:
    import jsonschema  # takes a moment to import

    # Draft 4: there 1.0 is no integer.
    for error in jsonschema.Draft4Validator(schema_of(form)).iter_errors(document):
        yield f"{error.json_path.removeprefix('$.')}: {error.message[:200]}"


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("schema_version") != SCHEMA_VERSION:
        yield f"its schema_version is {document.get('schema_version')!r}, and {SCHEMA_VERSION} is what is read here"
    yield from _form_problems(document, Evaluation)
    evaluation = cast(Evaluation, document)
    candidates = {each["id"]: each for each in evaluation["candidates"]}
    if len({(each["name"], each["seed"]) for each in candidates.values()}) != len(evaluation["candidates"]):
        yield "two of its candidates are the same"
    for each in candidates.values():
        yield from _contradictions(each, evaluation)
    winner: Mapping[str, object] = evaluation["winner"]
    best: Mapping[str, object] | None = candidates.get(evaluation["winner"]["id"])
    if best is None:
        yield f"its winner, {winner['id']}, is not one of its candidates"
        return
    for key in sorted(Winner.__required_keys__):
        if winner[key] != best[key]:
            yield f"{key} of its winner is {winner[key]!r}, and of the same candidate {best[key]!r}"
    gate = evaluation["gate"]
    if gate.get("verdict", "passed") != "passed" and gate["passed"]:
        yield "its gate is both passed and missed"


def _contradictions(candidate: Candidate, document: Evaluation) -> Iterator[str]:
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
        for accuracy in (scores["accuracy"], measured(candidate, split)):
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
