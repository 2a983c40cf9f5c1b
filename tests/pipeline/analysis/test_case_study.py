from __future__ import annotations

import pytest

from pipeline.analysis.case_study import Split, Standing, reference_for, standing


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [(0.9099, "below"), (0.91, "within"), (0.93, "within"), (0.9301, "above")],
)
def test_both_ends_belong_to_a_band(accuracy: float, expected: Standing) -> None:
    assert standing("cnn-3x3", "test", accuracy) == expected


@pytest.mark.parametrize(
    ("split", "baseline", "cnn"),
    [("train", "88–90 %", "93–95 %"), ("validation", "85–87 %", "91–93 %"), ("test", "86–88 %", "91–93 %")],
)
def test_the_bands_are_those_of_the_case_study(split: Split, baseline: str, cnn: str) -> None:
    dense, convolutional = reference_for("baseline"), reference_for("cnn-5x5")
    assert dense is not None
    assert convolutional is not None
    assert (str(dense.band(split)), str(convolutional.band(split))) == (baseline, cnn)


def test_a_model_that_the_case_study_does_not_have_stands_nowhere() -> None:
    assert reference_for("resnet") is None
    assert standing("resnet", "test", 0.95) is None
