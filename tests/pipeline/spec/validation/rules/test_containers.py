from collections.abc import Callable
from typing import Any

import pytest

WORDS = "Prepare.Arguments.AppSpecification.ContainerArguments"
TRAINING_IMAGE = "Train.Arguments.AlgorithmSpecification.TrainingImage"
REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"

CASES: list[tuple[Any, ...]] = [
    *(
        ("ecr-images-are-well-formed", {TRAINING_IMAGE: right}, {TRAINING_IMAGE: wrong}, "")
        for right, wrong in (
            ("fashion-mnist:dev", "76310435188.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.21.0"),
            (f"{REGISTRY}/tensorflow", "763104351884.dkr.ecr.amazonaws.com/tensorflow-training:2.21.0"),
            (f"{REGISTRY}/a/b-c:1.0", f"{REGISTRY}/Tensorflow:2.21.0"),
            (f"{REGISTRY}/a@sha256:{'0' * 64}", f"{REGISTRY}/tensorflow:"),
        )
    ),
    (
        "ecr-images-are-well-formed",
        {f"{WORDS}[+]": f"--image={REGISTRY}/a:b"},
        {f"{WORDS}[+]": "--image=1234.dkr.ecr.us-east-1.amazonaws.com/a:b"},
        f"{WORDS}[3]",
    ),
    ("no-experiment-config", {}, {"Train.Arguments.ExperimentConfig": {"ExperimentName": "one"}}, ""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_a_rule_reports_the_change_that_breaks_it(breaks: Callable[..., None], case: tuple[Any, ...]) -> None:
    breaks(*case)
