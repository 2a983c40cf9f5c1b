from __future__ import annotations

import pytest

from pipeline.spec.bucket_name import bucket_problem, local_bucket_problem


@pytest.mark.parametrize("name", ["abc", "a-b", "a.b", "0ab", "a" * 63])
def test_a_name_that_s3_takes(name: str) -> None:
    assert bucket_problem(name) is None
    assert local_bucket_problem(name) is None


@pytest.mark.parametrize("name", ["b", "b1", "9"])
def test_a_short_name_is_taken_by_the_local_s3_alone(name: str) -> None:
    assert bucket_problem(name) is not None
    assert local_bucket_problem(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-",
        "a-",
        ".a",
        "A",
        "é",
        "٣",
        "a_b",
        "a" * 64,
        "a..b",
        "10.0.0.1",
        "xn--a",
        "a--x-s3",
        "abc\n",
        "b\n",
    ],
)
def test_a_name_that_neither_takes(name: str) -> None:
    assert bucket_problem(name) is not None
    assert local_bucket_problem(name) is not None
