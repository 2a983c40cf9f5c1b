"""What evaluation.json and registration.json hold, as types: processing/evaluate.py writes them. Pure.

evaluation_reader.py checks a file by these types, so what is typed so has been read by it.
"""
# Without "from __future__ import annotations": it would hide NotRequired from __required_keys__.

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

from pipeline.analysis.case_study import Split

Share = Annotated[float, ("minimum", 0), ("maximum", 1)]
Amount = Annotated[float, ("minimum", 0), ("maximum", 1e15)]
Number = Annotated[float, ("minimum", -1e15), ("maximum", 1e15)]
Count = Annotated[int, ("minimum", 0), ("maximum", 10**15)]
Ordinal = Annotated[int, ("minimum", 1), ("maximum", 10**15)]
Matrix = Annotated[list[Annotated[list[Count], ("minItems", 2)]], ("minItems", 2)]


class ClassScores(TypedDict):
    """How one class fared."""

    class_name: str
    precision: Share
    recall: Share
    f1: Share
    support: Count


class Scores(TypedDict):
    """How a candidate fared on one split; rows of the matrix are true classes."""

    accuracy: Share
    confusion_matrix: Matrix
    per_class: list[ClassScores]


class Epoch(TypedDict):
    """One epoch of a training."""

    epoch: Ordinal
    train_loss: Number
    train_accuracy: Share
    validation_loss: Number
    validation_accuracy: Share
    learning_rate: NotRequired[Amount]
    images_per_second: NotRequired[Amount]
    seconds: NotRequired[Amount]


class Winner(TypedDict):
    """What is said of the winner, which is one of the candidates."""

    id: str
    name: str
    seed: Count
    params: Count
    validation_accuracy: Share
    test_accuracy: Share
    artifact_uri: str
    artifact_sha256: str


class Candidate(Winner):
    """One training, scored. `environment` and `hyperparameters` are what the training wrote down of itself."""

    train_accuracy: Share
    train_loss: Amount
    validation_loss: Amount
    test_loss: Amount
    images_per_second: Amount
    train_seconds: Amount
    hyperparameters: dict[str, Any]
    history: list[Epoch]
    environment: dict[str, Any]
    validation: Scores
    test: Scores
    forward_flops: NotRequired[Number | None]


class Comparison(TypedDict):
    """Winner and champion on the same test images: how many one of them alone gets right."""

    challenger_only: Count
    champion_only: Count
    p_value: Share


class Champion(TypedDict, total=False):
    """The registered model that the winner would replace; without `test_accuracy` it could not be scored."""

    arn: str
    error: str | None
    id: str
    test_accuracy: Share
    comparison: Comparison | None


class GateChampion(TypedDict):
    """What the champion had to say at the gate."""

    required: bool
    reason: str
    passed: NotRequired[bool | None]


class Gate(TypedDict):
    """The quality gate's decision."""

    passed: bool
    reason: str
    min_accuracy: Number
    verdict: NotRequired[Literal["passed", "missed"]]
    champion: NotRequired[GateChampion | None]


class SplitFacts(TypedDict):
    """One split of the data."""

    count: Ordinal


class Splits(TypedDict):
    """The data's splits."""

    train: SplitFacts
    validation: SplitFacts
    test: SplitFacts


class Data(TypedDict):
    """The data that everything was trained and scored on; `sources` are digests by file name."""

    data_digest: str
    splits: Splits
    sources: dict[str, str]
    scored_training_images: NotRequired[Count | None]


class Evaluation(TypedDict):
    """The content of evaluation.json."""

    schema_version: Count
    gate: Gate
    winner: Winner
    class_names: Annotated[list[str], ("minItems", 2)]
    data: Data
    candidates: Annotated[list[Candidate], ("minItems", 1)]
    champion: NotRequired[Champion | None]


class Registration(TypedDict):
    """The content of registration.json: what became of the winner in the registry."""

    version: Count | None
    reason: str
    model_package_arn: str | None
    registered: NotRequired[bool]


Metric = Literal["accuracy", "loss"]
METRICS: tuple[Metric, ...] = ("accuracy", "loss")

NOT_RECORDED: Registration = {"version": None, "reason": "", "model_package_arn": None}


def measured(of: Candidate | Epoch, split: Split, metric: Metric = "accuracy") -> float:
    """The accuracy (a fraction) or loss on one split."""
    value: float = cast(Mapping[str, Any], of)[f"{split}_{metric}"]
    return value


def names_of(candidates: Iterable[Winner]) -> list[str]:
    """The models' names, each once, in their order."""
    return list(dict.fromkeys(each["name"] for each in candidates))


def seeds_of(candidates: Iterable[Winner]) -> list[int]:
    """The seeds of the run, ascending."""
    return sorted({each["seed"] for each in candidates})


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The trainings, best first on validation."""
    return sorted(candidates, key=lambda each: -each["validation_accuracy"])


def winner_of(evaluation: Evaluation) -> Candidate:
    """The candidate that won, with all that is known of it."""
    return next(each for each in evaluation["candidates"] if each["id"] == evaluation["winner"]["id"])
