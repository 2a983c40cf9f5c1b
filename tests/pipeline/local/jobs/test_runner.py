"""Names of jobs are ones that the service would take."""

import re

import pytest

from pipeline.local.jobs.runner import name_job


@pytest.mark.parametrize(
    "step", ["Train-cnn-3x3-0", "Evaluate", "x" * 200, "a_b c.d", "Train-" + "é" * 40, "-", "ab-" * 30]
)
def test_a_job_has_a_name_that_the_service_takes(step: str) -> None:
    name = name_job("abcdef123456", step, 1)
    assert len(name) <= 63
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)
    assert name.startswith("pipelines-abcdef123456-")


def test_names_differ_by_execution_step_and_attempt_and_by_nothing_else() -> None:
    keys = [
        ("abcdef123456", "A", 1),
        ("abcdef123457", "A", 1),
        ("abcdef123456", "B", 1),
        ("abcdef123456", "A", 2),
    ]
    assert len({name_job(*key) for key in keys}) == 4
    assert name_job(*keys[0]) == name_job(*keys[0])


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert name_job("abcdef123456", "x" * 60 + "1", 1) != name_job("abcdef123456", "x" * 60 + "2", 1)
