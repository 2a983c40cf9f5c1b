import json
from typing import Any

import numpy as np
import pytest

from drift_baseline import Baseline, class_counts, digest_of, parse_baseline
from drift_measures import measure
from job_failure import JobError

URI = "s3://bucket/executions/one/evaluation/baseline.json"


def a_baseline(count: int = 30) -> Baseline:
    rng = np.random.default_rng(count)
    answers = rng.dirichlet(np.ones(10), count)
    pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return Baseline("cnn-3x3-0", "a" * 64, class_counts(answers), measure(pixels, answers))


def test_a_baseline_is_read_as_it_was_written() -> None:
    written = a_baseline()
    found = parse_baseline(written.to_bytes(), URI)
    assert (found.model, found.artifact_sha256, found.count) == ("cnn-3x3-0", "a" * 64, 30)
    assert found.class_counts.tolist() == written.class_counts.tolist()
    assert {name: each.tolist() for name, each in found.measures.items()} == {
        name: each.tolist() for name, each in written.measures.items()
    }
    assert found.to_bytes() == written.to_bytes()


def test_the_digest_is_what_the_registry_takes() -> None:
    assert digest_of(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema_version": 2}, "schema_version is 2, not 1"),
        ({"class_counts": [30]}, "class_counts is not a count of each class"),
        ({"class_counts": [-1, 31, *[0] * 8]}, "class_counts is not a count of each class"),
        ({"class_counts": [1] * 10}, "measures do not belong to class_counts"),
        ({"measures": {"pixel_mean": [1]}}, "measures do not belong to class_counts"),
        ({"measures": None}, "AttributeError"),
    ],
    ids=["version", "one-class", "negative", "other-count", "few-measures", "no-measures"],
)
def test_what_is_no_baseline_is_refused_with_its_name(change: dict[str, Any], told: str) -> None:
    document = json.loads(a_baseline().to_bytes()) | change
    with pytest.raises(JobError) as raised:
        parse_baseline(json.dumps(document).encode(), URI)
    assert str(raised.value).startswith(f"The baseline {URI} cannot be used: ")
    assert told in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(JobError, match="cannot be used"):
        parse_baseline(content, URI)
