from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from pipeline.report.model_card.checking import MOST_CHARACTERS, SCHEMA, card_problems

METRIC = {"name": "accuracy", "type": "number", "value": 0.9}


def evaluated(*metrics: Any) -> dict[str, Any]:
    return {
        "evaluation_details": [
            {"name": "test", "metric_groups": [{"name": "a", "metric_data": list(metrics)}]}
        ]
    }


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"model_overview": {"model_creator": "us", "model_artifact": ["s3://bucket/key"]}},
        evaluated(
            METRIC, {"name": "m", "type": "matrix", "value": [[1, 2], [3, 4]], "x_axis_name": ["a", "b"]}
        ),
        {"additional_information": {"custom_details": {"licence": "MIT"}}},
    ],
)
def test_what_the_schema_allows_has_no_problems(card: Any) -> None:
    assert card_problems(card) == []


@pytest.mark.parametrize(
    ("card", "place"),
    [
        ([], "$"),
        ({"model_package_details": {}}, "$"),
        ({"model_overview": {"model_description": "not in a package's card"}}, "$.model_overview"),
        ({"intended_uses": {"risk_rating": "None"}}, "$.intended_uses.risk_rating"),
        ({"intended_uses": {"purpose_of_model": "x" * 2049}}, "$.intended_uses.purpose_of_model"),
        (evaluated({**METRIC, "value": "x" * 64}), "$.evaluation_details[0].metric_groups[0].metric_data[0]"),
        (evaluated({"name": "", "type": "number", "value": 1}), "$.evaluation_details[0]"),
        ({"evaluation_details": [{}]}, "$.evaluation_details[0]"),
        (
            {
                "training_details": {
                    "training_job_details": {"hyper_parameters": [{"name": "a", "value": ""}]}
                }
            },
            "$.training_details.training_job_details.hyper_parameters[0].value",
        ),
    ],
)
def test_what_it_does_not_allow_is_named_with_its_place(card: Any, place: str) -> None:
    (problem,) = card_problems(card)
    assert problem.startswith(place)


def test_a_card_that_is_too_long_for_the_registry_is_a_problem() -> None:
    card = {"additional_information": {"custom_details": {str(key): "x" * 1000 for key in range(110)}}}
    assert card_problems(card) == [f"$: {len(json.dumps(card, separators=(',', ':'))):,} characters, where "
                                   f"{MOST_CHARACTERS:,} are the most"]  # fmt: skip
