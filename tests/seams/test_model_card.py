"""The model card: evaluate.py writes it and registers the package with it; the pipeline checks and renders it."""

from __future__ import annotations

import json

from sagemaker.core.shapes.model_card_shapes import ModelCardContent

from pipeline.report.model_card.checking import card_problems
from pipeline.report.model_card.markdown import card_markdown
from tests.seams.conftest import Evaluated


def test_the_card_follows_the_schema_of_model_packages(evaluated: Evaluated) -> None:
    card = json.loads((evaluated.predictions.parent / "model-card.json").read_text())
    assert card_problems(card) == []
    accuracy = evaluated.document["winner"]["test_accuracy"]
    (evaluation,) = card["evaluation_details"]
    found = {one["name"]: one["value"] for one in evaluation["metric_groups"][0]["metric_data"]}
    assert found["test accuracy"] == accuracy


def test_the_sdks_own_classes_take_the_card(evaluated: Evaluated) -> None:
    card = json.loads((evaluated.predictions.parent / "model-card.json").read_text())
    content = ModelCardContent.model_validate(card)
    assert content.model_overview.model_artifact == [evaluated.artifact_uri]
    assert len(content.evaluation_details[0].metric_groups) == 3


def test_the_card_reads_as_a_text(evaluated: Evaluated) -> None:
    card = json.loads((evaluated.predictions.parent / "model-card.json").read_text())
    text = card_markdown(card, "Model card")
    for words in (
        "## Intended use",
        "## Limits and weak points",
        "MIT License",
        "Not measured",
        "| test accuracy |",
    ):
        assert words in text
