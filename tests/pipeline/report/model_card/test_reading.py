from __future__ import annotations

from typing import Any

import pytest

from pipeline.report.model_card.markdown import card_markdown
from pipeline.report.model_card.reading import Entry, card_sections

CARD = {
    "model_overview": {"model_creator": "us", "model_artifact": ["s3://a", "s3://b"]},
    "intended_uses": {"purpose_of_model": "To tell things apart.", "risk_rating": "Low"},
    "evaluation_details": [
        {
            "name": "test",
            "metric_groups": [
                {
                    "name": "accuracy",
                    "metric_data": [
                        {"name": "test accuracy", "type": "number", "value": 0.91, "notes": "0.90 to 0.92"},
                        {"name": "matrix", "type": "matrix", "value": [[1]]},
                    ],
                }
            ],
        }
    ],
}


def test_the_sections_are_those_with_content_in_reading_order() -> None:
    sections = card_sections(CARD)
    assert [section.title for section in sections] == ["Intended use", "Evaluation on test", "Model"]
    assert sections[0].entries[0] == Entry("Purpose of model", "To tell things apart.")
    assert sections[1].metrics == (Entry("test accuracy", "0.91", "0.90 to 0.92"),)
    assert sections[2].entries[1] == Entry("Model artifact", "s3://a, s3://b")


@pytest.mark.parametrize(
    "card",
    [
        {},
        {"intended_uses": "text", "evaluation_details": {"a": 1}, "additional_information": []},
        {"training_details": {"training_job_details": {"user_provided_training_metrics": [1, None]}}},
    ],
)
def test_a_card_of_another_form_is_no_error(card: Any) -> None:
    assert card_sections(card) == []


def test_the_markdown_has_headings_texts_and_a_table() -> None:
    text = card_markdown(CARD, "Model card of cnn-3x3-0")
    assert text.startswith(
        "# Model card of cnn-3x3-0\n\n## Intended use\n\n**Purpose of model.** To tell things apart."
    )
    assert "| test accuracy | 0.91 | 0.90 to 0.92 |" in text


def test_no_text_of_a_card_becomes_markup() -> None:
    card = {"intended_uses": {"purpose_of_model": "# a\n| b | <script>x</script> [c](d) `e` *f*"}}
    (line,) = (line for line in card_markdown(card, "t").splitlines() if line.startswith("**Purpose"))
    assert line == r"**Purpose of model.** \# a \| b \| \<script\>x\</script\> \[c\](d) \`e\` \*f\*"
